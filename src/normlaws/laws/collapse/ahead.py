"""Final values at sizes that were not run: the law of the final values, at the horizon of the size.

The interval holds three things: what resampling seeds and sizes does to the law; by how much the
law of the smaller sizes missed the largest finished ones; the spread of single runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from normlaws.arrays import Floats
from normlaws.errors import InputError
from normlaws.laws.collapse.floor import FEWEST, SizeLaw
from normlaws.laws.collapse.ladder import Ladder, different
from normlaws.laws.collapse.resampling import freedom_of
from normlaws.laws.distributions import t_quantile
from normlaws.laws.estimators.bootstrap import estimate, widened
from normlaws.laws.estimators.least_squares import straight_line
from normlaws.laws.estimators.profile import power_law_with_floor
from normlaws.laws.result import Estimate

BACKTESTED = 2  # largest groups that the law of the smaller ones is held against
SAME_LAW = 0.1  # of ln end: how far finished ends may lie from a power of size that is carried on


@dataclass(frozen=True)
class SizeForecast:
    """What one new run of a size is expected to end at.

    Attributes:
        size: the size. end: its horizon along the axis.
        value: the expected final value with its 95 % interval.
    """

    size: float
    end: float
    value: Estimate

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {"size": self.size, "end": self.end, "value": self.value.as_dict()}


def usual_end(ladder: Ladder, size: float) -> float:
    """The horizon that belongs to ``size``: that of its finished runs, or the horizons' power law.

    NaN where the finished horizons follow no power of size.
    """
    same = np.flatnonzero(ladder.sizes == size)
    if len(same) == 1:
        return float(ladder.ends[same[0]])
    log_sizes, log_ends = np.log(ladder.sizes), np.log(ladder.ends)
    constant, slope = (float(one[0]) for one in straight_line(log_sizes, log_ends[None]))
    if not np.abs(log_ends - slope * log_sizes - constant).max() <= SAME_LAW:
        return float("nan")
    return float(np.exp(constant + slope * np.log(size)))


def forecast_size(ladder: Ladder, law: SizeLaw, size: float, end: float | None) -> SizeForecast:
    """The law of final values at the horizon of ``size``.

    Args:
        ladder: the finished runs.
        law: of their final values.
        size: above 0.
        end: the horizon; by default as in :func:`usual_end`.

    Raises:
        InputError: a size or a horizon that is not positive, or a horizon that has to be given.
    """
    if not size > 0:
        raise InputError(f"expected a size above 0, got {size:g}")
    place = usual_end(ladder, size) if end is None else float(end)
    if np.isnan(place):
        raise InputError(
            f"expected the horizon of size {size:g}, because those of the finished sizes follow no "
            "power of size; give it with end=…"
        )
    if not place > 0:
        raise InputError(f"expected a horizon above 0, got {place:g}")
    found = _predicted(ladder, law, ladder.place_of(size, place))
    missed = _missed(ladder, law)
    freedom = max(freedom_of(ladder), 1)
    spread = _spread(ladder) * float(np.sqrt(1 + 1 / ladder.counts.mean()))
    value = estimate(found, freedom)
    if value.low is None and missed.size:
        half = float(t_quantile(0.975, len(missed)) * np.sqrt(np.mean(missed**2)))
        return SizeForecast(size, place, Estimate(value.value, value.value - half,
                                                  value.value + half))  # fmt: skip
    past = float(np.sqrt(np.mean(missed**2))) if missed.size else 0.0
    return SizeForecast(size, place, widened(value, float(np.hypot(past, spread))))


def _predicted(ladder: Ladder, law: SizeLaw, place: float) -> Floats:
    """Final value at a horizon or size under every resample. (B,)."""
    if law.fit is not None:
        return law.fit.predict(place)[:, 0]
    return _power_law(ladder.places, law.finals, law.floor, place)


def _power_law(places: Floats, finals: Floats, floor: Floats, place: float) -> Floats:
    """L0 + a c^(−b) with L0 given, by a straight line of the logarithms. (B,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        constant, slope = straight_line(np.log(places), np.log(finals - floor[:, None]))
        return np.asarray(floor + np.exp(constant + slope * np.log(place)))


def _missed(ladder: Ladder, law: SizeLaw) -> Floats:
    """By how much the law of the sizes before it missed each of the largest groups."""
    missed = []
    finals = law.finals[:1]
    for k in range(len(ladder.ends))[-BACKTESTED:]:
        before = ladder.sizes < ladder.sizes[k]
        if different(ladder.places[before]) < FEWEST:
            continue
        places, values, place = ladder.places[before], finals[:, before], float(ladder.places[k])
        if law.fit is None:
            found = _power_law(places, values, law.floor[:1], place)
        else:
            found = power_law_with_floor(places, values, objective="log").predict(place)[:, 0]
        missed.append(float(found[0] - finals[0, k]))
    return np.array([one for one in missed if np.isfinite(one)])


def _spread(ladder: Ladder) -> float:
    """Pooled standard deviation over seeds of the final values; 0 without seeds."""
    finals = ladder.values[:, -1]
    means = np.add.reduceat(finals, ladder.starts) / ladder.counts
    freedom = len(finals) - len(means)
    off = finals - means[ladder.group]
    return float(np.sqrt((off**2).sum() / freedom)) if freedom else 0.0
