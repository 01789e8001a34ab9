"""The best width at fixed compute, on fresh data."""

from __future__ import annotations

import math

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.typing import ArrayLike

from normlaws.arrays import Floats
from normlaws.theory._checks import positive
from normlaws.theory._contour import Nodes, cotangent
from normlaws.theory._modes import Modes
from normlaws.theory.random_features.observables import tests
from normlaws.theory.random_features.resolvent import Track, ridge
from normlaws.theory.random_features.results import Frontier

SPACING = 0.3  # of ln N
WINDOW = 5  # widths to either side of the best through which a polynomial is laid
EARLY = 1e-2  # times before this are no candidates


def best_widths(modes: Modes, a: float, b: float, compute: ArrayLike) -> Frontier:
    """Width, time and test loss of the frontier; N is a real number here, good to 1e-6."""
    wanted = positive("compute", compute)
    flat = wanted.ravel()
    exponent = 1 / (1 + b) if a <= 1 + b else (a - b) / a
    top = math.log(30 * max(flat.max(), 1.0) ** exponent)
    log_widths = np.arange(0.0, top + SPACING * WINDOW, SPACING)
    losses = np.array([_losses(modes, math.exp(x), flat / math.exp(x)) for x in log_widths])
    rows = np.array([_lowest(log_widths, column) for column in losses.T])
    width, loss = (column.reshape(wanted.shape) for column in rows.T)
    status = np.where(np.isnan(width), "no optimum", "solved")
    return Frontier(wanted[()], width[()], (wanted / width)[()], loss[()], status[()])


def _losses(modes: Modes, width: float, times: Floats) -> Floats:
    """Test loss at N = ``width`` and P = ∞; NaN before ``EARLY``."""
    late = times >= EARLY
    losses = np.full(len(times), np.nan)
    if late.any():
        track = Track(
            ridge(modes, math.inf, width), Nodes(cotangent()), times[late].min(), times[late].max()
        )
        losses[late] = tests(track, 0.0, times[late])[0].total
    return losses


def _lowest(log_widths: Floats, losses: Floats) -> tuple[float, float]:
    logs = np.log(losses)
    best = int(np.nanargmin(logs))
    near = slice(max(0, best - WINDOW), best + WINDOW + 1)
    kept = np.isfinite(logs[near])
    x, y = log_widths[near][kept], logs[near][kept]
    line = Chebyshev.fit(x, y, len(x) - 1)
    slope = line.deriv()
    roots = slope.roots()
    inside = roots[(np.abs(roots.imag) < 1e-9)].real
    inside = inside[np.abs(inside - log_widths[best]) <= SPACING]
    if best == 0 or not inside.size:
        return math.nan, math.nan
    root = min(inside, key=line)
    return math.exp(root), math.exp(line(root))
