"""What can be proved about a largest singular value, and the random numbers of the probes."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

_LEFT_OVER = 1e-5  # share of ‖A‖_F² that rounding may hide
_CHUNK = 1 << 16
_PROBES = 1 << 62  # keys of random numbers that no call of a meter uses


def proved_error(
    value: float, second: float, residual: float, squares: float, captured: float
) -> float:
    """A proved bound on the relative error of √value; infinite where there is no proof.

    Let x be the leading Ritz vector of B = AAᵀ within a subspace, with value θ and residual r. In a
    basis that begins with x, B is [[θ, rᵀ], [r, C]]. C is positive semidefinite; its part within
    the subspace ends at the second Ritz value, its part outside has the trace that ‖A‖_F² leaves
    over. So λ_max(C) is at most their sum γ, and λ_max(B) ≤ θ + ‖r‖²/(θ − γ) where γ < θ.

    Args:
        value: θ.
        second: second largest Ritz value.
        residual: ‖r‖.
        squares: ‖A‖_F²; NaN where unknown.
        captured: trace of B within the subspace.
    """
    left = max(squares - captured, 0.0) + _LEFT_OVER * squares
    gap = value - second - left
    return residual**2 / (2 * value * gap) if gap > 0 else math.inf


def chances(seed: int, length: int) -> NDArray[np.float32]:
    """Random numbers of unit variance, at least ``length``; fewer are the beginning of more.

    Their sizes lie between a half and one and a half, before scaling: none is so small that a
    single row or column escapes, and no vector of signs is orthogonal to them by coincidence.
    """
    return _chances(seed, -(-length // _CHUNK))


@cache
def _chances(seed: int, chunks: int) -> NDArray[np.float32]:
    keys = ([seed, _PROBES + index] for index in range(chunks))
    parts = [np.random.Generator(np.random.Philox(key=key)).uniform(-1, 1, _CHUNK) for key in keys]
    x = np.concatenate(parts)
    return ((x + np.copysign(0.5, x)) / math.sqrt(13 / 12)).astype(np.float32)
