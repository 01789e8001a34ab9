"""Arguments checked once, where they come in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from normlaws.arrays import Floats
from normlaws.errors import InputError


def positive(name: str, value: ArrayLike) -> Floats:
    """``value`` as float64; raises where an entry is not a positive finite number."""
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"expected {name} to be numbers, got {value!r}") from None
    bad = array[~(np.isfinite(array) & (array > 0))]
    if bad.size:
        raise InputError(
            f"expected {name} to be positive and finite, got {bad.flat[0]:g}; "
            "accepted are numbers greater than 0"
        )
    return array


def flip_in_range(value: float) -> float:
    """``value`` as float; raises unless 0 ≤ value < 1/2."""
    if not 0 <= value < 0.5:
        raise InputError(
            f"expected flip_probability to be at least 0 and less than 1/2, got {value}; "
            "at 1/2 the labels say nothing of the teacher"
        )
    return float(value)


def whole(name: str, value: Any) -> int:
    """``value`` as int; raises unless it is a whole number of at least 1."""
    if not float(value).is_integer() or value < 1:
        raise InputError(f"expected {name} to be a whole number of at least 1, got {value}")
    return int(value)
