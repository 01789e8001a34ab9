"""Names for the types of arrays, for every room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Complex = NDArray[np.complex128]
