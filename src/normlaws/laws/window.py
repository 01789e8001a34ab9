"""The early window, found without hands.

Curves follow the early law up to a point that moves with P as their optimum does, so a window is
named by two numbers: where it starts (one log norm for all sizes) and how far below its own
optimum each size leaves it. Every such window is fitted with the plane
ln ε = c − γ1 ln λ − γ0 ln P; a window is admitted when the scatter of the size curves about that
plane is what their seed noise explains. Of the admitted, those that fall nearly as steeply as the
steepest are kept — the plateau at chance is a plane as well — and the one with the most leverage
on γ1 wins. The search is part of every resample, so the choice is part of the uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from normlaws.laws.panel import Panel
from normlaws.laws.runs import Floats

FLOOR = 0.02  # scatter in ln error that no study resolves: 2 %
ADMIT = 1.5  # times the seed noise of the mean curves
STEEP = 0.85  # of the steepest admitted slope
STARTS, MARGINS = 20, 14
MIN_SIZES, MIN_POINTS = 3, 3


@dataclass(frozen=True)
class EarlyFit:
    """Early law under each row of weights. All (B,)."""

    gamma1: Floats
    gamma0: Floats
    constant: Floats
    low: Floats
    margin: Floats
    high: Floats
    scatter: Floats
    admitted: NDArray[np.bool_]


def early_fit(panel: Panel, curves: Floats, log_norm_opt: Floats) -> EarlyFit:
    """Choose a window for each resample and fit γ1 and γ0 in it.

    Args:
        panel: the study.
        curves: (B, K, G) mean ln error on ``panel.grid``.
        log_norm_opt: (B, K) mean ln λ_opt.
    """
    grid = panel.grid
    starts, margins = _candidates(panel, log_norm_opt[0])
    first = np.searchsorted(grid, starts)  # (S,)
    ends = log_norm_opt[:, :, None] - margins  # (B, K, M)
    last = np.searchsorted(grid, ends, side="right")
    last = np.where(np.isfinite(ends), last, 0)
    sums = _running_sums(panel, curves)
    log_p = np.log(panel.sizes)
    log_p = log_p - log_p.mean()
    tables = [_planes(sums, log_p, first[s], last) for s in range(len(starts))]  # each (B, M, ·)
    fits = np.stack(tables, axis=1)  # (B, S, M, 6)
    return _chosen(fits, panel, starts, margins, log_norm_opt)


def plane_in(
    panel: Panel, curves: Floats, log_norm_opt: Floats, low: float, margin: float
) -> Floats:
    """One window's plane on the data: γ1, γ0, constant, scatter, leverage, sizes. (6,)."""
    first = int(np.searchsorted(panel.grid, low))
    ends = log_norm_opt[:, :, None] - margin
    last = np.where(np.isfinite(ends), np.searchsorted(panel.grid, ends, side="right"), 0)
    log_p = np.log(panel.sizes)
    sums = _running_sums(panel, curves)
    return np.asarray(_planes(sums, log_p - log_p.mean(), first, last)[0, 0])


def _candidates(panel: Panel, log_norm_opt: Floats) -> tuple[Floats, Floats]:
    covered = panel.trusted.sum(axis=0) >= min(2, len(panel.sizes))
    low = panel.grid[covered].min() if covered.any() else panel.grid[0]
    reach = max(float(np.nanmax(log_norm_opt)) - low, panel.grid[1] - panel.grid[0])
    starts = low + reach * np.linspace(0.0, 0.8, STARTS)
    return starts, reach * np.linspace(0.0, 0.6, MARGINS)


def _noise(panel: Panel) -> float:
    return float(np.sqrt(np.mean(panel.noise**2)))


def _running_sums(panel: Panel, curves: Floats) -> Floats:
    """Cumulative n, x, y, x², xy, y² along the grid. (6, B, K, G + 1)."""
    known = np.isfinite(curves) & panel.trusted
    x = panel.grid - panel.grid.mean()
    y = np.where(known, curves, 0.0)
    parts = np.stack([known * 1.0, known * x, y, known * x**2, x * y, y**2])
    return np.concatenate([np.zeros((*parts.shape[:-1], 1)), parts.cumsum(axis=-1)], axis=-1)


def _planes(sums: Floats, log_p: Floats, first: int, last: NDArray) -> Floats:
    """Plane fits for one start and all margins: γ1, γ0, c, scatter, leverage, sizes. (B, M, 6)."""
    last = np.maximum(last, first)
    upper = np.take_along_axis(sums, np.broadcast_to(last, (6, *last.shape)), axis=-1)
    n, x, y, xx, xy, yy = upper - sums[..., first, None]  # each (B, K, M)
    keep = n >= MIN_POINTS
    n, x, y, xx, xy, yy = (np.where(keep, part, 0.0) for part in (n, x, y, xx, xy, yy))
    p = log_p[:, None]
    normal = _symmetric(
        n.sum(1), x.sum(1), (n * p).sum(1), xx.sum(1), (x * p).sum(1), (n * p * p).sum(1)
    )
    right = np.stack([y.sum(1), xy.sum(1), (y * p).sum(1)], axis=-1)
    sizes = keep.sum(axis=1)
    ridge = 1e-9 * np.eye(3)
    beta = np.linalg.solve(normal + ridge, right[..., None])[..., 0]
    residual = np.maximum(yy.sum(1) - (beta * right).sum(-1), 0.0)
    total = np.maximum(n.sum(1), 1.0)
    scatter = np.sqrt(residual / total)
    with np.errstate(invalid="ignore", divide="ignore"):
        within = np.where(keep, xx - x**2 / np.maximum(n, 1), 0.0).sum(axis=1)
    return np.stack([-beta[..., 1], -beta[..., 2], beta[..., 0], scatter, within, sizes], axis=-1)


def _symmetric(a: Floats, b: Floats, c: Floats, d: Floats, e: Floats, f: Floats) -> Floats:
    rows = [np.stack(row, axis=-1) for row in ([a, b, c], [b, d, e], [c, e, f])]
    return np.stack(rows, axis=-2)


def _chosen(
    fits: Floats, panel: Panel, starts: Floats, margins: Floats, log_norm_opt: Floats
) -> EarlyFit:
    shape = fits.shape[:3]
    flat = fits.reshape(shape[0], -1, fits.shape[-1])
    gamma1, gamma0, constant, scatter, leverage, sizes = np.moveaxis(flat, -1, 0)
    enough = sizes >= min(MIN_SIZES, len(panel.sizes))
    enough &= leverage > 0
    limit = ADMIT * _noise(panel) + FLOOR
    admitted = enough & (scatter <= limit)
    any_admitted = np.asarray(admitted.any(axis=1))
    steepest = np.where(admitted, gamma1, -np.inf).max(axis=1)
    near = admitted & (gamma1 >= STEEP * steepest[:, None])
    score = np.where(near, leverage, -np.inf)
    fallback = np.where(enough, -scatter, -np.inf)
    best = np.where(any_admitted, score.argmax(axis=1), fallback.argmax(axis=1))
    row = np.arange(len(flat))
    low, margin = starts[best // shape[2]], margins[best % shape[2]]
    log_p_mean = np.log(panel.sizes).mean()
    g1, g0 = gamma1[row, best], gamma0[row, best]
    usable = enough[row, best]
    return EarlyFit(
        gamma1=np.where(usable, g1, np.nan),
        gamma0=np.where(usable, g0, np.nan),
        constant=np.where(
            usable, constant[row, best] + g1 * panel.grid.mean() + g0 * log_p_mean, np.nan
        ),
        low=low,
        margin=margin,
        high=np.nanmax(log_norm_opt, axis=1) - margin,
        scatter=scatter[row, best],
        admitted=any_admitted,
    )
