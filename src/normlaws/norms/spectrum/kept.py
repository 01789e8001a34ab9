"""What a meter keeps of an operator between calls, and what an iteration found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from normlaws.norms.operators.operator import Vectors

KEPT = 3
"""Leading pairs that are followed."""


@dataclass(frozen=True, eq=False)
class Kept:
    """Approximate leading eigenpairs from an earlier, nearby operator, largest first.

    Attributes:
        vectors: orthonormal, (groups, count, n).
        values: their eigenvalues, (groups, count).
        drift: the direction in which the first vector last turned, a unit vector or zeros,
            (groups, n).
        scout: a unit vector outside the kept ones, refined between calls towards what may overtake
            them, (groups, n).
        probe: the image of fixed random signs at an earlier call, the reference, whose change
            tells how far the operator has moved since, (groups, n).
        anchor: the leading vector at the reference, (groups, n).
        level: its eigenvalue at the reference, (groups,).
    """

    vectors: Vectors
    values: NDArray[np.float64]
    drift: Vectors
    scout: Vectors
    probe: Vectors
    anchor: Vectors
    level: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Found:
    """The largest singular value of an operator, and what is kept of it.

    Attributes:
        value: its square, over all groups.
        bound: on the relative error of its root.
        second: the second largest Ritz value, over all groups.
        residual: length of the residual of its vector.
        captured: trace of AᵀA within the subspaces.
        kept: for the next call.
    """

    value: float
    bound: float
    second: float
    residual: float
    captured: float
    kept: Kept
