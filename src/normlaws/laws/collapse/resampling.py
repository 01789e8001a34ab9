"""Resamples of the seeds of a ladder, and the intervals that come of them."""

from __future__ import annotations

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.collapse.ladder import Ladder
from normlaws.laws.estimators.bootstrap import estimate
from normlaws.laws.result import Estimate

FEWEST = 20  # resamples that make an interval


def weights_of(ladder: Ladder, resamples: int, generator: np.random.Generator) -> Floats:
    """How often each run counts: row 0 is the data, the rest draw seeds within every group.

    (1 + resamples, R).
    """
    drawn = np.ones((1 + resamples, len(ladder.group)))
    for start, count in zip(ladder.starts, ladder.counts, strict=True):
        if count > 1:
            drawn[1:, start : start + count] = generator.multinomial(
                count, np.full(count, 1 / count), resamples
            )
    return drawn


def freedom_of(ladder: Ladder) -> int:
    """Degrees of freedom of the intervals: of the seeds, or of the size law without seeds."""
    if ladder.seeded:
        return int((ladder.counts - 1).sum())
    return len(ladder.counts) - 3


def estimated(values: Floats, freedom: int, low: float = -np.inf, high: float = np.inf) -> Estimate:
    """A value with its 95 % interval, no bound outside [``low``, ``high``]."""
    found = estimate(values, freedom)
    if found.low is None or found.high is None:
        return found
    return Estimate(found.value, max(found.low, low), min(found.high, high))


def between_percentiles(values: Floats) -> Estimate:
    """A value with the central 95 % of its resamples, for figures that have a bound and are skewed.

    The value itself always lies inside.
    """
    rest = values[1:][np.isfinite(values[1:])]
    if len(rest) < FEWEST or not np.isfinite(values[0]):
        return Estimate(float(values[0]))
    low, high = np.quantile(rest, [0.025, 0.975])
    return Estimate(float(values[0]), float(min(low, values[0])), float(max(high, values[0])))
