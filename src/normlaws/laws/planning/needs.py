"""What each open finding needs: by how much its interval must shrink, and what shrinks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.distributions import t_quantile
from normlaws.laws.estimators.resampled_fit import sample
from normlaws.laws.findings import findings
from normlaws.laws.result import Finding

if TYPE_CHECKING:
    from normlaws.laws.fitting import Laws

SLOPES = ("late_law", "no_dependence_on_size", "laws_meet")  # narrowed by the range of sizes
CENTRAL = 0.975
RESAMPLES = 200  # of the fit without counting noise
MOST_COUNTED = 0.95


@dataclass(frozen=True)
class Need:
    """An undecided finding.

    Attributes:
        finding: it.
        shrink: share of its present width to which the interval must shrink for an answer; NaN
            where the figure lies between the bounds, so that no width would give one. The scatter
            of the late law holds seed noise itself, and falls with it.
        instead: what it needs in place of a narrower interval, in words; empty where that is all.
    """

    finding: Finding
    shrink: float
    instead: str = ""

    @property
    def can_settle(self) -> bool:
        """Whether a narrower interval would settle it."""
        return bool(np.isfinite(self.shrink)) and not self.instead


def needs(laws: Laws) -> tuple[Need, ...]:
    """One for each undecided finding."""
    open_ones = [one for one in laws.verdict.findings if one.grade == "undecided"]
    return tuple(_need(laws, one) for one in open_ones)


def _need(laws: Laws, one: Finding) -> Need:
    value, low, high = one.figure
    if one.unsettled:
        return Need(one, float("nan"), one.next_step)
    if low is None or high is None:
        return Need(one, float("nan"), one.next_step or "seeds")
    inside = one.established[0] <= low and high <= one.established[1]
    if inside and one.name == "late_law" and _spare(laws.gamma2) < 1:
        return Need(one, _spare(laws.gamma2))
    if inside or not np.isfinite([value, low, high]).all():
        return Need(one, float("nan"), one.next_step)
    if one.name == "late_law" and one.established[0] == 0:  # a scatter
        return Need(one, _less_scatter(value, value - low, one.established[1]))
    return Need(one, _shrink(value, (low, high), one))


def _spare(gamma2: tuple[float, float | None, float | None]) -> float:
    """Share of its width to which the interval of γ2 must shrink to lie above zero."""
    value, low, _ = gamma2
    if low is None or value <= 0 or value <= low:
        return float("nan")
    return min(value / (value - low), 1.0)


def _less_scatter(scatter: float, noise: float, bound: float) -> float:
    """Shrink at which a scatter, part of which is seed noise, falls to its bound."""
    rest = max(scatter**2 - noise**2, 0.0)
    return float(np.sqrt((bound**2 - rest) / noise**2)) if rest < bound**2 else float("nan")


def _shrink(value: float, interval: tuple[float, float], one: Finding) -> float:
    """Share of the present width at which all of the interval lies on one side of the bounds."""
    low, high = interval
    below, above = max(value - low, 1e-12), max(high - value, 1e-12)
    first, last = one.established
    if first <= value <= last:
        return min((value - first) / below, (last - value) / above, 1.0)
    least, most = one.contradicted
    if value > most:
        return min((value - most) / below, 1.0)
    if value < least:
        return min((least - value) / above, 1.0)
    return float("nan")


@dataclass(frozen=True)
class Widths:
    """How the widths of a study's intervals change with what is run.

    Attributes:
        sizes: (K,) training-set sizes.
        seeds: of each size, the median.
        freedom: of the resampling.
        counted: by finding, the share of the variance of its figure that counting on the shared
            test set brings; empty where its size is unknown or the metric is a loss.
    """

    sizes: Floats
    seeds: int
    freedom: int
    counted: Mapping[str, float]

    def ratio(
        self, name: str, *, seeds: int = 0, sizes: Floats | None = None, test: float = 1.0
    ) -> float:
        """New over present width of a finding's interval.

        Args:
            name: of the finding.
            seeds: in place of the present ones; 0 for as many.
            sizes: in place of the present ones.
            test: factor on the test examples.
        """
        seeds, sizes = seeds or self.seeds, self.sizes if sizes is None else sizes
        counted = self.counted.get(name, 0.0)
        variance = (1 - counted) * self.seeds / seeds + counted / test
        spare = (seeds - 1) * len(sizes) / ((self.seeds - 1) * len(self.sizes))
        quantiles = [
            t_quantile(CENTRAL, max(free, 1)) for free in (self.freedom * spare, self.freedom)
        ]
        design = _leverage(sizes, name) / _leverage(self.sizes, name)
        return float(np.sqrt(variance / design) * quantiles[0] / quantiles[1])


def _leverage(sizes: Floats, name: str) -> float:
    """What the variance of a figure is divided by: for slopes the spread of ln P, else K."""
    logs = np.log(sizes)
    return float(((logs - logs.mean()) ** 2).sum()) if name in SLOPES else float(len(sizes))


def widths(laws: Laws) -> Widths:
    """Those of a fit with intervals."""
    found = laws.samples
    return Widths(
        sizes=found.panel.sizes,
        seeds=max(int(np.median(laws.sizes["n_seeds"])), 2),
        freedom=max(found.freedom, 1),
        counted=_counted(laws),
    )


def _counted(laws: Laws) -> dict[str, float]:
    """What becomes of the widths of the findings when the test set is taken to be infinite."""
    found, resamples = laws.samples, len(laws.samples.late) - 1
    if found.panel.examples is None:
        return {}
    panel = replace(found.panel, examples=None)
    seed = int(laws.settings.get("seed", 0))
    alone = sample(panel, min(resamples, RESAMPLES), seed, found.window)
    return {
        one.name: float(np.clip(1 - (_width(other) / _width(one)) ** 2, 0.0, MOST_COUNTED))
        for one, other in zip(laws.verdict.findings, findings(alone), strict=True)
        if _width(one) > 0 and np.isfinite(_width(other))
    }


def _width(one: Finding) -> float:
    low, high = one.figure.low, one.figure.high
    return float("nan") if low is None or high is None else high - low
