"""The early window, found automatically.

Two kinds of window compete. In the first a size leaves the early law a fixed distance in log norm
below its own optimum, as the two laws have it; in the second all sizes from some P on share one
interval of norms, as where training stops before the optimum. In every window the plane
ln ε = c − γ1 ln λ − γ0 ln P is fitted. A window is admitted when the scatter of the size curves
about the plane is what their seed noise explains. Of the admitted, those that fall nearly as
steeply as the steepest are kept (the plateau at chance is a plane as well), and the one with the
most leverage on γ1 wins. The resamples read the law in the window that the data chose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from normlaws.arrays import Floats
from normlaws.laws.data.grid import Bools, Panel, log_norm_begun

FLOOR = 0.02  # scatter in ln error that no study resolves: 2 %
ADMIT = 1.5  # times the seed noise of the mean curves
STEEP = 0.85  # of the steepest admitted slope
STARTS, MARGINS, ENDS = 16, 12, 9
MIN_SIZES, MIN_POINTS = 3, 3
MIN_FALL = 0.1  # of ln error from end to end: less is no descent
TENTH = 0.1  # of the fall in ln error, after which a descent has begun
WIDE = 0.3  # share of the descents that a window must cover to speak of a common early curve


@dataclass(frozen=True)
class Window:
    """Where the early law is read.

    Attributes:
        low: log norm at which it begins.
        margin: distance below each size's ln λ_opt at which it ends; or
        high: log norm at which it ends for all sizes, from the ``skip``-th on.
    """

    low: float
    margin: float | None = None
    high: float | None = None
    skip: int = 0

    def ends(self, log_norm_opt: Floats) -> Floats:
        """Upper end for each size; −inf where the size is left out. (B, K) -> (B, K)."""
        if self.margin is not None:
            return np.where(np.isfinite(log_norm_opt), log_norm_opt - self.margin, -np.inf)
        ends = np.full_like(log_norm_opt, self.high)
        ends[:, : self.skip] = -np.inf
        return ends


@dataclass(frozen=True)
class EarlyFit:
    """Early law under each row of weights. (B,) where not said otherwise.

    ``ends`` (B, K) are the windows' upper ends by size, ``sizes`` how many sizes are inside,
    ``cover`` the share of all descents (lowest norm to optimum) that is inside on the data.
    """

    gamma1: Floats
    gamma0: Floats
    constant: Floats
    low: Floats
    ends: Floats
    scatter: Floats
    admitted: Bools
    cover: float

    @property
    def high(self) -> Floats:
        """The upper end at the size that stays longest. (B,)."""
        return np.asarray(self.ends.max(axis=1))

    @property
    def common(self) -> bool:
        """Whether curves of different P share an early law over a good part of their descent."""
        return bool(self.admitted[0]) and self.cover >= WIDE


@dataclass(frozen=True)
class Planes:
    """Plane fits of one window under each row of weights. (B,); ``required`` sizes are a must."""

    gamma1: Floats
    gamma0: Floats
    constant: Floats
    scatter: Floats
    leverage: Floats
    sizes: NDArray[np.int64]
    fall: Floats
    required: int


def early_fit(
    panel: Panel,
    curves: Floats,
    log_norm_opt: Floats,
    window: tuple[float, float] | None = None,
) -> EarlyFit:
    """Choose a window for each resample, or take the given one, and fit γ1 and γ0 in it.

    Args:
        panel: the study.
        curves: (B, K, G) mean ln error on ``panel.grid``.
        log_norm_opt: (B, K) mean ln λ_opt.
        window: log norms where it begins and where the size that stays longest leaves it; the
            other sizes leave it as far below their own optimum.
    """
    sums = running_sums(panel, curves)
    limit = ADMIT * float(np.sqrt(np.mean(panel.noise**2))) + FLOOR
    if window is None:
        windows = list(_candidates(panel, log_norm_opt[0]))
        windows = _chosen(windows, _all_planes(panel, sums, log_norm_opt, windows), limit)
    else:
        low, high = window
        windows = [Window(low, margin=float(np.nanmax(log_norm_opt[0])) - high)]
    tried = [planes(panel, sums, log_norm_opt, one) for one in windows]
    best, admitted, usable = _choice(tried, limit)

    def of(name: str) -> Floats:
        stacked = np.stack([getattr(plane, name) for plane in tried], axis=1)
        found = np.take_along_axis(stacked, best[:, None], axis=1)[:, 0]
        return np.where(usable, found, np.nan)

    rows = np.arange(len(best))
    ends = np.stack([one.ends(log_norm_opt) for one in windows])[best, rows]
    starts = np.array([one.low for one in windows])[best]
    return EarlyFit(
        gamma1=of("gamma1"),
        gamma0=of("gamma0"),
        constant=of("constant"),
        low=starts,
        ends=ends,
        scatter=of("scatter"),
        admitted=admitted,
        cover=cover(panel, curves[0], starts[0], ends[0], log_norm_opt[0]),
    )


def _candidates(panel: Panel, log_norm_opt: Floats) -> Iterator[Window]:
    covered = panel.trusted.sum(axis=0) >= min(2, len(panel.sizes))
    low = float(panel.grid[covered].min() if covered.any() else panel.grid[0])
    low = max(low, panel.early_begins)
    reach = max(float(np.nanmax(log_norm_opt)) - low, float(panel.grid[1] - panel.grid[0]))
    sizes = len(panel.sizes)
    skips = sorted({0, sizes // 4, sizes // 2, max(sizes - MIN_SIZES, 0)})
    for start in low + reach * np.linspace(0.0, 0.85, STARTS):
        for margin in reach * np.linspace(0.0, 0.6, MARGINS):
            yield Window(float(start), margin=float(margin))
        for end in low + reach * np.linspace(0.1, 0.95, ENDS):
            if end - start > 0.05 * reach:
                for skip in skips:
                    yield Window(float(start), high=float(end), skip=skip)


def running_sums(panel: Panel, curves: Floats) -> Floats:
    """Cumulative n, x, y, x², xy, y² along the grid. (6, B, K, G + 1)."""
    known = np.isfinite(curves) & panel.trusted
    x = panel.grid - panel.grid.mean()
    y = np.where(known, curves, 0.0)
    parts = np.stack([known * 1.0, known * x, y, known * x**2, x * y, y**2])
    return np.concatenate([np.zeros((*parts.shape[:-1], 1)), parts.cumsum(axis=-1)], axis=-1)


def planes(panel: Panel, sums: Floats, log_norm_opt: Floats, window: Window) -> Planes:
    """Fit the plane in one window under every row of weights."""
    low = np.full(len(log_norm_opt), window.low)
    return planes_between(panel, sums, low, window.ends(log_norm_opt))


def _all_planes(panel: Panel, sums: Floats, log_norm_opt: Floats, windows: list[Window]) -> Planes:
    """The plane of every window on the data: windows take the place of resamples."""
    low = np.array([window.low for window in windows])
    ends = np.concatenate([window.ends(log_norm_opt[:1]) for window in windows])
    data = np.broadcast_to(sums[:, :1], (6, len(windows), *sums.shape[2:]))
    return planes_between(panel, data, low, ends)


def planes_between(panel: Panel, sums: Floats, low: Floats, ends: Floats) -> Planes:
    """Fit the plane from ``low`` (B,) to ``ends`` (B, K) under every row of weights."""
    first = np.searchsorted(panel.grid, low - 1e-9)[:, None]
    last = np.maximum(np.searchsorted(panel.grid, ends, side="right"), first)
    moments = _at(sums, last) - _at(sums, np.broadcast_to(first, last.shape))
    keep = moments[0] >= MIN_POINTS
    n, x, y, xx, xy, yy = np.where(keep, moments, 0.0)
    p = np.log(panel.sizes)
    p_mean = p.mean()
    p = p - p_mean
    normal = _symmetric(n.sum(1), x.sum(1), n @ p, xx.sum(1), x @ p, n @ p**2)
    right = np.stack([y.sum(1), xy.sum(1), y @ p], axis=-1)
    beta = np.linalg.solve(normal + 1e-9 * np.eye(3), right[..., None])[..., 0]
    residual = np.maximum(yy.sum(1) - (beta * right).sum(-1), 0.0)
    within = np.where(keep, xx - x**2 / np.maximum(n, 1.0), 0.0).sum(axis=1)
    gamma1, gamma0 = -beta[:, 1], -beta[:, 2]
    return Planes(
        gamma1=gamma1,
        gamma0=gamma0,
        constant=beta[:, 0] + gamma1 * panel.grid.mean() + gamma0 * p_mean,
        scatter=np.sqrt(residual / np.maximum(n.sum(1), 1.0)),
        leverage=within,
        sizes=keep.sum(axis=1),
        required=min(MIN_SIZES, len(panel.sizes)),
        fall=gamma1 * (last - first).max(axis=1) * (panel.grid[1] - panel.grid[0]),
    )


def _at(sums: Floats, index: NDArray[np.int64]) -> Floats:
    """Running sums up to an index of the grid. (6, B, K, G + 1), (B, K) -> (6, B, K)."""
    where = np.broadcast_to(index, (6, *index.shape))[..., None]
    return np.asarray(np.take_along_axis(sums, where, axis=-1)[..., 0])


def _symmetric(a: Floats, b: Floats, c: Floats, d: Floats, e: Floats, f: Floats) -> Floats:
    rows = [np.stack(row, axis=-1) for row in ([a, b, c], [b, d, e], [c, e, f])]
    return np.stack(rows, axis=-2)


def _enough(plane: Planes) -> Bools:
    """Planes that rest on three sizes or more (two where there are but two) and on a slope."""
    return np.asarray((plane.sizes >= plane.required) & (plane.leverage > 0))


def _chosen(windows: list[Window], first: Planes, limit: float) -> list[Window]:
    """The data's window: the steep admitted one of most leverage, else that of least scatter."""
    enough = _enough(first)
    admitted = enough & (first.scatter <= limit) & (first.fall >= MIN_FALL)
    if admitted.any():
        steep = admitted & (first.gamma1 >= STEEP * first.gamma1[admitted].max())
        return [windows[int(np.argmax(np.where(steep, first.leverage, -np.inf)))]]
    falling = enough & (first.fall >= MIN_FALL)
    pool = falling if falling.any() else enough if enough.any() else np.ones_like(enough)
    return [windows[int(np.argmin(np.where(pool, first.scatter, np.inf)))]]


def _choice(tried: list[Planes], limit: float) -> tuple[NDArray[np.int64], Bools, Bools]:
    """Index of each resample's window, whether it is admitted, whether it can be fitted."""
    enough = np.stack([_enough(plane) for plane in tried], axis=1)
    gamma1 = np.stack([plane.gamma1 for plane in tried], axis=1)
    scatter = np.stack([plane.scatter for plane in tried], axis=1)
    leverage = np.stack([plane.leverage for plane in tried], axis=1)
    fall = np.stack([plane.fall for plane in tried], axis=1)
    admitted = enough & (scatter <= limit) & (fall >= MIN_FALL)
    any_admitted = np.asarray(admitted.any(axis=1))
    steepest = np.where(admitted, gamma1, -np.inf).max(axis=1, keepdims=True)
    score = np.where(admitted & (gamma1 >= STEEP * steepest), leverage, -np.inf)
    fallback = np.where(enough, -scatter, -np.inf)
    best = np.where(any_admitted, score.argmax(axis=1), fallback.argmax(axis=1))
    return best, any_admitted, np.asarray(enough[np.arange(len(best)), best])


def cover(panel: Panel, curves: Floats, low: float, ends: Floats, log_norm_opt: Floats) -> float:
    """Share of all sizes' descents, in log norm, that lies between ``low`` and ``ends`` (K,).

    A descent begins where a tenth of the fall in ln error is done and ends at the optimum, so a
    plateau at chance is no part of it. ``curves`` (K, G) and ``log_norm_opt`` (K,) are the data's.
    """
    start = np.array(
        [_descent_start(panel.grid, row, panel.trusted[k]) for k, row in enumerate(curves)]
    )
    descent = np.maximum(log_norm_opt - start, 0.0)
    inside = np.maximum(np.minimum(ends, log_norm_opt) - np.maximum(low, start), 0.0)
    total = float(np.nansum(descent))
    return float(np.nansum(inside)) / total if total > 0 else 0.0


def _descent_start(grid: Floats, curve: Floats, trusted: Bools) -> float:
    known = trusted & np.isfinite(curve)
    return log_norm_begun(grid[known], curve[known], TENTH) if known.any() else float("nan")
