"""What is left to gain for runs that have not reached their optimum.

The way down that remains is read off the sizes that are finished: over the same distance in log
norm before their own optimum, by how much did their error still fall? The curves rescaled by
λ_opt are one curve (the late law), so the last stretch of one size is that of another.
"""

from __future__ import annotations

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.estimators.size_law import known_mean

LATEST = 4  # finished sizes, counted from the largest, that the last stretch is read off


def from_partial(
    grid: Floats,
    curves: Floats,
    finished: np.ndarray,
    opt_norm: Floats,
    opt_error: Floats,
    partial: Floats,
    expected_norm: Floats,
) -> Floats:
    """Ln ε_opt of an unfinished size, from where its curve stands. (B,).

    Args:
        grid: (G,) log norms.
        curves: (B, K, G) mean ln error of all sizes.
        finished: (K,) sizes whose optimum is known.
        opt_norm: (B, K) their ln λ_opt.
        opt_error: (B, K) their ln ε_opt.
        partial: (B, G) the unfinished size's mean curve.
        expected_norm: (B,) the ln λ_opt it is expected to reach.
    """
    last = _last_known(partial)
    stands = np.take_along_axis(partial, last[:, None], axis=1)[:, 0]
    ahead = np.maximum(expected_norm - grid[last], 0.0)
    used = np.flatnonzero(finished)[-LATEST:]
    drops = np.stack(
        [_drop(grid, curves[:, k], opt_norm[:, k] - ahead, opt_error[:, k]) for k in used], axis=1
    )
    return np.asarray(stands - known_mean(drops))


def _last_known(partial: Floats) -> np.ndarray:
    known = np.isfinite(partial)
    found: np.ndarray = known.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    return found


def _drop(grid: Floats, curve: Floats, at: Floats, lowest: Floats) -> Floats:
    """Ln error of each row of ``curve`` at a log norm, over its lowest; never negative. (B,)."""
    place = np.clip((at - grid[0]) / (grid[1] - grid[0]), 0, len(grid) - 1.001)
    left = place.astype(int)
    rows = np.arange(len(curve))
    a, b = curve[rows, left], curve[rows, left + 1]
    value = np.where(np.isfinite(b), a + (place - left) * (b - a), a)
    found: Floats = np.maximum(value - lowest, 0.0)
    return found
