"""How well the curves fall on one another after ε/ε_opt against λ/λ_opt."""

from __future__ import annotations

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.data.grid import Panel

NOISE_FLOOR = 1e-3  # curves without seed noise (exact theory) are compared with 0.1 %


def collapse_spread(panel: Panel, curves: Floats, opt_norm: Floats, opt_error: Floats) -> float:
    """Spread (ln error) between sizes of the rescaled mean curves, where two or more overlap.

    Args:
        panel: the study.
        curves: (K, G) mean ln error on ``panel.grid``.
        opt_norm: (K,) ln λ_opt.
        opt_error: (K,) ln ε_opt.
    """
    known = np.isfinite(curves) & panel.trusted
    shifted = [
        (panel.grid[known[k]] - opt_norm[k], curves[k, known[k]] - opt_error[k])
        for k in range(len(opt_norm))
        if known[k].sum() >= 2 and np.isfinite(opt_norm[k])
    ]
    if len(shifted) < 2:
        return float("nan")
    axis = np.linspace(min(x[0] for x, _ in shifted), max(x[-1] for x, _ in shifted), 64)
    stack = np.array([np.interp(axis, x, y, left=np.nan, right=np.nan) for x, y in shifted])
    shared = np.isfinite(stack).sum(axis=0) >= 2
    if not shared.any():
        return float("nan")
    return float(np.sqrt(np.mean(np.nanvar(stack[:, shared], axis=0, ddof=1))))


def collapse_quality(panel: Panel, curves: Floats, opt_norm: Floats, opt_error: Floats) -> float:
    """The spread over the noise that two independent mean curves would show; near 1 is perfect."""
    noise = max(float(np.sqrt(np.mean(panel.noise**2))), NOISE_FLOOR)
    return collapse_spread(panel, curves, opt_norm, opt_error) / noise
