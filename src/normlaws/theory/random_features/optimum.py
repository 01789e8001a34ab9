"""The time of lowest test loss, as a root of the loss's slope."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq

from normlaws.theory.random_features.edges import last_time
from normlaws.theory.random_features.observables import tests, trains
from normlaws.theory.random_features.resolvent import Track

SPACING = 1.5  # factor between the times of the first search
RISE = 1e-10  # relative slope that counts as a rise: less may be rounding


def best(track: Track, noise: float, first: float) -> tuple[float, float, float]:
    """Time, test loss and norm at the lowest test loss; NaN where it falls for ever.

    Args:
        track: κ from ``first`` to twice the last time.
        noise: σ².
        first: the time at which the search begins.
    """
    none = math.nan, math.nan, math.nan
    if math.isinf(track.of.size):
        return none
    last = last_time(track.of)
    count = int(np.ceil(np.log(last / first) / np.log(SPACING))) + 2
    times = np.geomspace(first, last, count)
    at, _ = tests(track, noise, times)
    roots = [_root(track, noise, times[i], times[i + 1]) for i in _turns(at.slope / at.total)]
    if not roots:
        return none
    values = tests(track, noise, np.array(roots))[0].total
    time = roots[int(np.argmin(values))]
    if values.min() >= at.total[-1] * (1 - RISE):
        return none
    norm = np.sqrt(trains(track, noise, np.array([time]))[0].squared_norm[0])
    return time, float(values.min()), float(norm)


def _turns(slope: np.ndarray) -> list[int]:
    """Places i at which the loss falls, and from i + 1 rises by more than rounding."""
    ups = np.flatnonzero((slope[:-1] < 0) & (slope[1:] > 0))
    ends = [*(ups[1:] + 1), len(slope)]
    return [int(i) for i, end in zip(ups, ends, strict=True) if slope[i + 1 : end].max() > RISE]


def _root(track: Track, noise: float, low: float, high: float) -> float:
    def slope(log_time: float) -> float:
        found, _ = tests(track, noise, np.array([math.exp(log_time)]))
        return float(found.slope[0] / found.total[0])

    return math.exp(brentq(slope, math.log(low), math.log(high), xtol=1e-13, rtol=1e-14))
