"""Resampling of seeds as clusters, and the intervals that come of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normlaws.arrays import Floats
from normlaws.laws.data.grid import Panel
from normlaws.laws.distributions import f_above, normal_below, t_quantile
from normlaws.laws.result import Estimate

LEVEL = 0.95
NORMAL = 1.959964
ALIKE = 0.01  # chance of calling the runs of a seed alike that are not, in each of four tests
NARROWEST = 0.2  # of the whole spread that either side has at least
OUT_OF_REACH = 0.025  # of the resamples infinite: no upper bound


def weights_of(panel: Panel, resamples: int, seed: int) -> Floats:
    """How often each run counts: row 0 is the data, the rest are resamples. (1 + resamples, R).

    Of n seeds n − 1 are drawn, with replacement: the variance over resamples is then that of a
    mean of n without bias (Rao and Wu 1988). Seeds are drawn anew for every size, but where the
    runs of one seed are alike at all sizes (nested subsets, one initialisation): there a seed is
    drawn with all its runs.
    """
    ones = np.ones((1, len(panel.runs)))
    if panel.seedless or resamples < 1:
        return ones
    generator = np.random.default_rng(seed)
    drawn = np.zeros((resamples, len(panel.runs)))
    for seeds in _clusters(panel):
        names = np.unique(panel.seeds[seeds])
        n = len(names)
        counts = generator.multinomial(max(n - 1, 1), np.full(n, 1 / n), resamples)
        drawn[:, seeds] = counts[:, np.searchsorted(names, panel.seeds[seeds])]
    return np.concatenate([ones, drawn])


def degrees_of_freedom(panel: Panel) -> int:
    """What the intervals' t quantile rests on.

    Seeds less one where seeds are drawn with all their runs. Where each size has its own, what a
    slope over evenly spaced sizes has after Welch and Satterthwaite: half of the sum over sizes.
    """
    clusters = _clusters(panel)
    spare = [len(np.unique(panel.seeds[runs])) - 1 for runs in clusters]
    return spare[0] if len(clusters) == 1 else int(np.ceil(sum(spare) / 2))


def _clusters(panel: Panel) -> list[NDArray[np.int64]]:
    """Groups of runs whose seeds are drawn together: all, or one group per size."""
    sizes_of_seed = [panel.member[panel.seeds == s].any(axis=0).sum() for s in set(panel.seeds)]
    if np.median(sizes_of_seed) > 1 and _alike(panel):
        return [np.arange(len(panel.runs))]
    return [np.flatnonzero(panel.member[:, k]) for k in range(len(panel.sizes))]


def _alike(panel: Panel) -> bool:
    """Whether runs of one seed share what they have off the mean of their size.

    F tests of one value per run, its optimum's error and norm: the seeds' means, and their slopes
    against ln P, against what is left.
    """
    p = np.log(panel.sizes)[panel.member.argmax(axis=1)]
    names, owner = np.unique(panel.seeds, return_inverse=True)
    if len(names) < 3 or len(panel.runs) < 2 * len(names):
        return False
    for values in (panel.opt_error, panel.opt_norm):
        means = panel.member.T @ values / panel.member.sum(axis=0)
        off = values - panel.member @ means
        for pattern in (np.ones_like(p), p - p.mean()):
            mine = np.array([_projected(pattern, off, owner == s) for s in range(len(names))])
            rest = (off**2).sum() - (mine**2).sum()
            free = len(off) - len(means) - (len(names) - 1)
            if free < 2 or rest <= 0:
                continue
            ratio = (mine**2).sum() / (len(names) - 1) / (rest / free)
            if f_above(ratio, len(names) - 1, free) < ALIKE:
                return True
    return False


def _projected(pattern: Floats, off: Floats, mine: NDArray[np.bool_]) -> float:
    """Length of the projection of one seed's values on a pattern over its sizes."""
    length = float(np.sqrt((pattern[mine] ** 2).sum()))
    return float(pattern[mine] @ off[mine]) / length if length > 0 else 0.0


def estimate(values: Floats, freedom: int) -> Estimate:
    """Value on the data with its interval from the resamples. ``values``: (1 + resamples,).

    Student's t, not the normal, is the reference of so few seeds (Hesterberg 2015, "What teachers
    should know about the bootstrap"): the interval is value ± t(0.975, freedom) · spread. The
    spread is read from the central 68 % of the resamples on either side, so skewness shows and
    wild resamples do not. Neither side is taken to be narrower than a quarter of the other: where
    resamples meet a bound, the value does not become certain on that side.
    """
    value = float(values[0])
    rest = values[1:][np.isfinite(values[1:])]
    if freedom < 1 or len(rest) < 20 or not np.isfinite(value):
        return Estimate(value)
    widen = quantile(freedom)
    low, middle, high = (float(np.quantile(rest, normal_below(z))) for z in (-1.0, 0.0, 1.0))
    out_of_reach = np.isinf(values[1:]).mean() > OUT_OF_REACH
    least = NARROWEST * (high - low)
    above = float("inf") if out_of_reach else widen * max(high - middle, least)
    return Estimate(value, value - widen * max(middle - low, least), value + above)


def widened(found: Estimate, extra: float) -> Estimate:
    """Add an independent standard deviation to both sides of an interval."""
    if found.low is None or found.high is None:
        return found
    below, above = found.value - found.low, found.high - found.value
    more = NORMAL * extra
    return Estimate(
        found.value,
        found.value - float(np.hypot(below, more)),
        found.value + float(np.hypot(above, more)),
    )


def quantile(freedom: int) -> float:
    """Half-width of a 95 % interval in standard deviations: Student's t."""
    return float(t_quantile((1 + LEVEL) / 2, freedom))


def known_to(freedom: int) -> float:
    """Factor on an error whose standard deviation is known, so that Student's t is the normal's."""
    return NORMAL / quantile(freedom) if freedom >= 1 else 1.0
