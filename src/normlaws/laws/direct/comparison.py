"""Several models on the same sizes: which is best at which P, and with what certainty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.display import cards
from normlaws.display.columns import columns, wrapped
from normlaws.display.numbers import count, fixed, interval
from normlaws.errors import InputError, allowed
from normlaws.laws.direct.fitting import direct_law
from normlaws.laws.direct.result import DirectLaw
from normlaws.laws.direct.verdict import certain
from normlaws.laws.distributions import normal_below
from normlaws.laws.estimators.bootstrap import NORMAL
from normlaws.laws.result import bounds_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(64)


@dataclass(frozen=True, repr=False, eq=False)
class Comparison:
    """The direct laws of several groups of runs.

    Attributes:
        by: the variable that tells the groups apart.
        laws: {value of the variable: its law}, in the order of the table.
    """

    by: str
    laws: dict[str, DirectLaw]

    def __repr__(self) -> str:
        return f"Comparison({self.by}: {allowed(self.laws).replace(' or ', ' and ')})"

    def table(self, sizes: Iterable[float] | None = None) -> pd.DataFrame:
        """Forecasts: ``size``, the group, ``error``, ``low``, ``high``, ``best``, ``bounded_by``.

        ``best`` is the probability that the group's next run has the lowest error of all groups,
        from the prediction intervals as normal distributions of ln ε; NaN where an interval is
        missing. ``bounded_by`` is that of ``Forecast``, NaN where the law gives the error.

        Args:
            sizes: by default those of the data, and two, four and ten times the largest.

        Raises:
            InputError: a size is not positive.
        """
        rows = []
        for size in self._sizes(sizes):
            found = {name: law.log_error(size) for name, law in self.laws.items()}
            chances = _chances(*map(np.array, zip(*map(_normal, found.values()), strict=True)))
            for (name, one), chance in zip(found.items(), chances, strict=True):
                low, high = (np.nan if bound is None else float(np.exp(bound)) for bound in one[1:])
                error = float(np.exp(one.value))
                bound = self.laws[name].forecast(size).bounded_by
                bounded_by = np.nan if bound is None else bound
                rows.append((size, name, error, low, high, float(chance), bounded_by))
        header = ["size", self.by, "error", "low", "high", "best", "bounded_by"]
        return pd.DataFrame(rows, columns=header)

    def _sizes(self, sizes: Iterable[float] | None) -> list[float]:
        if sizes is not None:
            return [float(size) for size in sizes]
        known = sorted({float(size) for law in self.laws.values() for size in law.sizes["size"]})
        return [*known, *(factor * known[-1] for factor in (2, 4, 10))]

    def winners(self, sizes: Iterable[float] | None = None) -> pd.DataFrame:
        """The group with the lowest error at every size: its name, ``error`` and ``best``."""
        table = self.table(sizes)
        lowest = table.groupby("size", sort=False)["error"].idxmin()
        return table.loc[lowest, ["size", self.by, "error", "best"]].reset_index(drop=True)

    def summary(self, width: int | None = None) -> str:
        """γ of every group, and who is best where, in lines of at most ``width``."""
        metric = next(iter(self.laws.values())).metric
        gammas = [(n, fixed(law.gamma.value), interval(law.gamma)) for n, law in self.laws.items()]
        header = ("P", "best", metric, "probability of being best")
        lines = columns((self.by, "γ", "95 %"), gammas, width, right=(1,))
        lines += ["", *columns(header, self.rows(), width, right=(0, 2))]
        return "\n".join([*lines, "", *wrapped(self.sentence(), width)])

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Size, best group, its error and the probability of being best, as text."""
        return [
            (count(size), str(name), self.laws[name].forecast(size).error_text(), certain(chance))
            for size, name, _error, chance in self.winners().itertuples(index=False)
        ]

    def sentence(self) -> str:
        """Who is best where, in words; which of these errors are bounds."""
        found = self.winners()
        ahead = [self.laws[n].forecast(p) for p, n in found[["size", self.by]].to_numpy()]
        return f"{self._best_where(found)} {bounds_text(ahead)}".strip()

    def _best_where(self, found: pd.DataFrame) -> str:
        names = list(found[self.by])
        if len(set(names)) == 1:
            return f"{names[0]} has the lowest error at every size shown."
        turns = [k for k in range(1, len(names)) if names[k] != names[k - 1]]
        parts = [f"{names[0]} up to P = {count(found['size'][turns[0] - 1])}"]
        parts += [f"{names[k]} from P = {count(found['size'][k])}" for k in turns]
        return f"Lowest error: {', then '.join(parts)}."

    def as_dict(self) -> dict[str, Any]:
        """The object that ``normlaws fit --group --json`` prints."""
        return {
            "by": self.by,
            "groups": {name: law.as_dict() for name, law in self.laws.items()},
            "table": self.table().to_dict("records"),
            "summary": self.sentence(),
        }

    def _repr_html_(self) -> str:
        gammas = [(n, fixed(law.gamma.value), interval(law.gamma)) for n, law in self.laws.items()]
        header = ("P", "best", "error", "probability of being best")
        return cards.card(
            repr(self),
            cards.table((self.by, "γ", "95 % interval"), gammas, numeric=(1, 2)),
            cards.table(header, self.rows(), numeric=(0, 2, 3)),
            cards.text(self.sentence()),
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every group's lowest errors with its law in one picture; return the axes."""
        from normlaws.report import figures
        from normlaws.report.style import shown_in_notebooks

        with shown_in_notebooks():
            return figures.direct_laws(self.laws, ax)


def compare(
    curves: Curves, by: str, metric: str | None = None, *, resamples: int = 1000, seed: int = 0
) -> Comparison:
    """Fit the direct law to every group of runs.

    Args:
        curves: runs with a column ``by`` in ``curves.runs`` (a model's name, an optimiser).
        by: the variable that tells the groups apart.
        metric: a recorded error or loss; the default is that of ``direct_law``.
        resamples: bootstrap resamples of the runs of each size.
        seed: of the resampling.

    Raises:
        InputError: there is no such variable, it has one value only, or a group cannot be fitted.
    """
    if by not in curves.runs:
        raise InputError(
            f"expected a variable of the runs, got {by!r}; there are {allowed(curves.runs.columns)}"
        )
    values = list(dict.fromkeys(curves.runs[by].dropna()))
    if len(values) < 2:
        raise InputError(f"expected two values or more of {by} to compare, got {len(values)}")
    metric = metric or curves.default_metric()
    return Comparison(
        by,
        {str(value): _law(curves, by, value, metric, resamples, seed) for value in values},
    )


def _law(curves: Curves, by: str, value: Any, metric: str, resamples: int, seed: int) -> DirectLaw:
    part = curves.select(**{by: [value]})
    try:
        return direct_law(part, metric, resamples=resamples, seed=seed)
    except InputError as error:
        raise InputError(f"{by} = {value}: {error}") from None


def _normal(found: Any) -> tuple[float, float]:
    """Mean and standard deviation of ln ε from its interval; NaN without one."""
    if found.low is None or found.high is None:
        return found.value, float("nan")
    return found.value, (found.high - found.low) / (2 * NORMAL)


def _chances(mean: Floats, spread: Floats) -> Floats:
    """Probability that each of independent normal values is the lowest. (n,), (n,) -> (n,)."""
    if not np.isfinite(spread).all():
        return np.full(len(mean), np.nan)
    spread = np.maximum(spread, 1e-12)
    out = np.empty(len(mean))
    for k in range(len(mean)):
        at = mean[k] + spread[k] * NODES
        others = np.delete(np.arange(len(mean)), k)
        above = normal_below((mean[others] - at[:, None]) / spread[others])
        out[k] = (WEIGHTS * above.prod(axis=1)).sum() / WEIGHTS.sum()
    found: Floats = out / out.sum()
    return found
