"""Resampling of seeds as clusters, and the intervals that come of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from normlaws.laws.data.grid import Panel
from normlaws.laws.data.runs import Floats
from normlaws.laws.result import Estimate

LEVEL = 0.95
OUT_OF_REACH = 0.025  # of the resamples infinite: no upper bound


def weights_of(panel: Panel, resamples: int, seed: int) -> Floats:
    """How often each run counts: row 0 is the data, the rest are resamples. (1 + resamples, R).

    Where the same seeds serve several sizes (nested subsets, one initialisation), a seed is drawn
    with all its runs; seeds of one size only are drawn within that size.
    """
    ones = np.ones((1, len(panel.runs)))
    if panel.seedless or resamples < 1:
        return ones
    generator = np.random.default_rng(seed)
    drawn = np.zeros((resamples, len(panel.runs)))
    for seeds in _clusters(panel):
        names = np.unique(panel.seeds[seeds])
        counts = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
        drawn[:, seeds] = counts[:, np.searchsorted(names, panel.seeds[seeds])]
    return np.concatenate([ones, drawn])


def degrees_of_freedom(panel: Panel) -> int:
    """Seeds that are resampled together, less one: what the intervals' t quantile rests on."""
    return int(max(len(np.unique(panel.seeds[runs])) for runs in _clusters(panel))) - 1


def _clusters(panel: Panel) -> list[NDArray[np.int64]]:
    """Groups of runs whose seeds are drawn together: all, or one group per size."""
    sizes_of_seed = [panel.member[panel.seeds == s].any(axis=0).sum() for s in set(panel.seeds)]
    if np.median(sizes_of_seed) > 1:
        return [np.arange(len(panel.runs))]
    return [np.flatnonzero(panel.member[:, k]) for k in range(len(panel.sizes))]


def estimate(values: Floats, freedom: int) -> Estimate:
    """Value on the data with its interval from the resamples. ``values``: (1 + resamples,).

    The bootstrap spread of n clusters is too small by √((n − 1)/n) and Student's t, not the
    normal, is its reference (Hesterberg 2015, "What teachers should know about the bootstrap"):
    the interval is value ± t(0.975, n − 1) · √(n/(n − 1)) · spread. The spread is read from the
    central 68 % of the resamples on either side, so skewness shows and wild resamples do not.
    """
    value = float(values[0])
    rest = values[1:][np.isfinite(values[1:])]
    if freedom < 1 or len(rest) < 20 or not np.isfinite(value):
        return Estimate(value)
    widen = stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt((freedom + 1) / freedom)
    low, middle, high = (float(np.quantile(rest, stats.norm.cdf(z))) for z in (-1.0, 0.0, 1.0))
    out_of_reach = np.isinf(values[1:]).mean() > OUT_OF_REACH
    above = float("inf") if out_of_reach else float(widen * (high - middle))
    return Estimate(value, float(value - widen * (middle - low)), value + above)


def slopes(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Straight-line fits of each row, ignoring NaN: (intercepts, slopes). ``y``: (B, K)."""
    known = np.isfinite(y)
    n = known.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        x_mean = (known * x).sum(axis=1) / n
        y_mean = np.where(known, y, 0).sum(axis=1) / n
        dx = np.where(known, x - x_mean[:, None], 0.0)
        slope = (dx * np.where(known, y, 0)).sum(axis=1) / (dx**2).sum(axis=1)
    slope = np.where(n >= 2, slope, np.nan)
    return y_mean - slope * x_mean, slope
