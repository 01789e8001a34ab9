"""Alignment: the shifts in ln λ and ln ε that bring the curves of all sizes onto one another.

Where the two laws hold, the curve of size P is one master curve moved by ln λ_opt(P) and
ln ε_opt(P). Each size's shift is found from its descent and turn, by least squares against the mean
of the shifted curves; what then is left between the curves says whether they collapse. No
functional form is assumed. Resamples are linearised about the data's alignment: a shift is then a
fixed linear function of the curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.data.grid import Bools

BEGIN, PAST = 0.3, 0.3  # from this share of the fall to this share of the descent past the optimum
POINTS, ROUNDS = 48, 8
ARGMIN = 0.5  # weight of the curves' own minima, which fix what the curves leave open


@dataclass(frozen=True)
class Alignment:
    """Shifts under each row of weights; row 0 is the data. B rows, K sizes.

    Attributes:
        log_norm: (B, K) shift in ln λ; NaN where a size takes no part.
        log_error: (B, K) shift in ln ε.
        spread: (B,) root mean square of the shifted curves about their mean, in ln ε.
        axis, master: (M,) the mean of the shifted curves; NaN where fewer than two meet.
    """

    log_norm: Floats
    log_error: Floats
    spread: Floats
    axis: Floats
    master: Floats


def align(grid: Floats, curves: Floats, region: Bools, start: tuple[Floats, Floats]) -> Alignment:
    """Align the curves in their regions.

    Args:
        grid: (G,) log norms.
        curves: (B, K, G) mean ln error.
        region: (K, G) points that count, a stretch for each size.
        start: (K,) ln λ_opt and (K,) ln ε_opt of the data.
    """
    taking = np.flatnonzero((region.sum(axis=1) >= 4) & np.isfinite(start[0]))
    x_shift, y_shift = start[0][taking], start[1][taking]
    parts = [(grid[region[k]], curves[:, k, region[k]]) for k in taking]
    missing = Alignment(*_nothing(curves), np.full(1, np.nan), np.full(1, np.nan))
    if len(parts) < 3:
        return missing
    data = [(x, y[0]) for x, y in parts]
    length = float(np.median([np.ptp(x) for x, _ in data]))
    own = x_shift.copy()
    for _ in range(ROUNDS):
        axis, master = _master(data, x_shift, y_shift)
        if not np.isfinite(master).any():
            return missing
        steps = [
            _solver(axis, master, x - a, length) @ _left_over(axis, master, x - a, y - b, a, o)
            for (x, y), a, b, o in zip(data, x_shift, y_shift, own, strict=True)
        ]
        moved = np.array(steps)
        moved -= moved.mean(axis=0)
        x_shift = x_shift + np.clip(moved[:, 0], -length / 4, length / 4)
        y_shift = y_shift + moved[:, 1]
    return _resampled(parts, taking, axis, master, (x_shift, y_shift), length, curves.shape)


def _nothing(curves: Floats) -> tuple[Floats, Floats, Floats]:
    rows, sizes = curves.shape[:2]
    return np.full((rows, sizes), np.nan), np.full((rows, sizes), np.nan), np.full(rows, np.nan)


def _master(
    data: list[tuple[Floats, Floats]], x_shift: Floats, y_shift: Floats
) -> tuple[Floats, Floats]:
    """Mean of the shifted curves on an even axis; NaN where fewer than two meet."""
    low = min(x[0] - a for (x, _), a in zip(data, x_shift, strict=True))
    high = max(x[-1] - a for (x, _), a in zip(data, x_shift, strict=True))
    axis = np.linspace(low, high, POINTS)
    stack = np.array(
        [
            np.interp(axis, x - a, y - b, left=np.nan, right=np.nan)
            for (x, y), a, b in zip(data, x_shift, y_shift, strict=True)
        ]
    )
    known = np.isfinite(stack)
    count = known.sum(axis=0)
    total = np.where(known, stack, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return axis, np.where(count >= 2, total / count, np.nan)


def _read(axis: Floats, master: Floats, u: Floats) -> tuple[Floats, Floats]:
    """The master curve and its slope at ``u``; NaN outside."""
    known = np.isfinite(master)
    x, y = axis[known], master[known]
    smooth = np.convolve(np.pad(y, 2, mode="reflect", reflect_type="odd"), np.ones(5) / 5, "valid")
    slope = np.gradient(smooth, x) if len(x) > 1 else np.zeros_like(x)
    return (
        np.interp(u, x, y, left=np.nan, right=np.nan),
        np.interp(u, x, slope, left=np.nan, right=np.nan),
    )


def _solver(axis: Floats, master: Floats, u: Floats, length: float) -> Floats:
    """Matrix from what is left over, (n + 1,), to a step in the two shifts. (2, n + 1)."""
    _, slope = _read(axis, master, u)
    known = np.isfinite(slope)
    design = np.stack([np.where(known, -slope, 0.0), known * 1.0], axis=1)
    steepness = float(np.sqrt(np.mean(np.where(known, slope, 0.0) ** 2)))
    pull = np.array([[ARGMIN * steepness, 0.0]])
    return np.asarray(np.linalg.pinv(np.concatenate([design, pull])))


def _left_over(
    axis: Floats, master: Floats, u: Floats, v: Floats, shift: float, own: float
) -> Floats:
    """Shifted curve less master, and the distance of its minimum from its shift. (n + 1,)."""
    at, slope = _read(axis, master, u)
    steepness = float(np.sqrt(np.mean(np.nan_to_num(slope) ** 2)))
    rest = np.where(np.isfinite(at), v - at, 0.0)
    return np.append(rest, ARGMIN * steepness * (own - shift))


def _resampled(
    parts: list[tuple[Floats, Floats]],
    taking: np.ndarray,
    axis: Floats,
    master: Floats,
    shifts: tuple[Floats, Floats],
    length: float,
    shape: tuple[int, ...],
) -> Alignment:
    log_norm, log_error = (np.full(shape[:2], np.nan) for _ in range(2))
    squares, count = np.zeros(shape[0]), 0
    for k, (x, y), a, b in zip(taking, parts, *shifts, strict=True):
        u = x - a
        at, slope = _read(axis, master, u)
        known = np.isfinite(at) & np.isfinite(y[0])
        solver = _solver(axis, master, u, length)[:, :-1]
        change = np.where(known, np.nan_to_num(y - y[:1]), 0.0)
        step = change @ solver.T  # (B, 2)
        log_norm[:, k], log_error[:, k] = a + step[:, 0], b + step[:, 1]
        rest = (y - b)[:, known] - at[known]
        rest = rest - step[:, :1] * -slope[known] - step[:, 1:]
        squares += np.nansum(rest**2, axis=1)
        count += int(known.sum())
    spread = np.sqrt(squares / max(count, 1))
    return Alignment(log_norm, log_error, spread, axis, master)
