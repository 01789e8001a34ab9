"""The Ritz step and the bound of its residual, for cold and warm iterations alike.

The bound. Let x be a unit vector with θ = xᵀBx and residual r = ‖Bx − θx‖. Some eigenvalue of B
lies within r of θ (Weinstein). The second-order bound takes the two leading Ritz pairs with their
residuals R: B is [[Θ, Rᵀ], [R, C]] in a basis that begins with them, so λ_max is that of
Θ + Rᵀ(λ_max − C)⁻¹R, at most that of Θ + RᵀR/δ if all of C lies δ or more below θ. C is thought to
end at the third Ritz value: whether anything larger is there rests on the start vectors, see
docs/norms-reference.md.

Written in what NumPy and Numba both run.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dsyevd

Square = NDArray[np.float64]  # (…, n, n)

_ROUNDING = 8  # units of the last place below which a residual is rounding


def ritz(t: Square, size: int) -> tuple[NDArray[np.float64], Square]:
    """Ritz values, the largest last, and weights of their vectors in the basis, as columns.

    Args:
        t: QᵀBQ in a basis Q, (n, n), or of several problems at once, (problems, n, n).
        size: vectors of the basis so far, at most n.
    """
    if t.ndim == 3:
        return np.linalg.eigh(t[:, :size, :size])
    values, weights, _ = dsyevd(t[:size, :size])
    return values, weights


def lift(distance: float, own: float, mixed: float, others: float, delta: float) -> float:
    """λ_max of diag(θ₁, θ₂) + RᵀR/δ, less θ₁; infinite where δ is not positive.

    Args:
        distance: θ₁ − θ₂.
        own: square of the residual of the first pair.
        mixed: inner product of both residuals.
        others: square of that of the second.
        delta: δ.
    """
    if not delta > 0:
        return math.inf
    gap, twice = distance + (own - others) / delta, 2 * mixed / delta
    root = math.sqrt(gap * gap + twice * twice)
    turned = twice * twice / (2 * (gap + root)) if gap > 0 else (root - gap) / 2
    return own / delta + turned


def judged(
    theta: float,
    residual: float,
    lifted: float,
    certain: float,
    trust: float,
    wanted: float,
    eps: float | np.floating,
) -> tuple[float, bool]:
    """A bound on the relative error of √θ, and whether an iteration may stop.

    Args:
        theta: the largest Ritz value.
        residual: the length of its residual.
        lifted: by how much the second-order bound lies above θ; infinite where it is unknown.
        certain: first-order bound that suffices alone.
        trust: first-order bound above which the second-order one is not believed: a vector
            between two close neighbours has a residual of the size of their distance.
        wanted: second-order bound that suffices below ``trust``.
        eps: of the products.
    """
    if not theta > 0:
        return 0.0, True
    first, second = residual / (2 * theta), lifted / (2 * theta)
    met = first <= certain or (first <= trust and second <= wanted)
    return min(first, second), bool(met or residual <= _ROUNDING * eps * theta)
