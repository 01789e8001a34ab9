"""What ``direct_law`` returns: γ, forms side by side, forecasts; nothing that needs a norm."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves.metrics import ceiling
from normlaws.errors import InputError
from normlaws.laws.data.grid import Panel
from normlaws.laws.direct import render
from normlaws.laws.direct.forms import Forms
from normlaws.laws.estimators.bootstrap import NORMAL, estimate, quantile, widened
from normlaws.laws.estimators.size_law import FORMS, SizeLaw
from normlaws.laws.forecasts.forecast import capped, each, exponentiated, run_spread
from normlaws.laws.result import Estimate, Forecast, PowerLaw, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOCAL = FORMS.index("local_power")


@dataclass(frozen=True)
class Sampled:
    """What a direct law computed under every resample; row 0 is the data. B rows, K sizes.

    Attributes:
        panel: the runs with their optima.
        freedom: what Student's t rests on; 0 where no size has a second run.
        log_error: (B, K) mean ln ε_opt of every size.
        direct: (B, 2) constant and slope against ln P.
        size_law: the form that forecasts known sizes best.
        forms: all forms, on the data.
    """

    panel: Panel
    freedom: int
    log_error: Floats
    direct: Floats
    size_law: SizeLaw
    forms: Forms

    def local_error(self, log_p: float) -> float:
        """Ln ε by a power law in which the smallest sizes hardly count."""
        only = replace(self.size_law, chosen=np.full_like(self.size_law.chosen, LOCAL))
        return float(only.log_error(np.array([log_p]))[0, 0])

    def drift(self, log_p: float) -> float:
        """Standard deviation that past forecasts of the chosen form suggest at this distance."""
        ahead = max(log_p - self.size_law.largest, 0.0)
        return float(np.nan_to_num(self.size_law.drift[0]) * np.sqrt(ahead))


@dataclass(frozen=True, repr=False, eq=False)
class DirectLaw:
    """The law ε_opt ∝ P^−γ, forecasts by it, and what cannot be said without norms.

    Attributes:
        metric: the error or loss.
        scale: what the sizes count (``size`` for training examples).
        gamma: γ with its 95 % interval: by resampling the runs of each size, or from the scatter
            about the line where no size has a second run.
        direct_law: ln ε_opt against ln P.
        verdict: words, codes (``no_norm``, ``no_curves``, …), next steps.
        optima: one row per run: its lowest error, whether it is ``censored`` and ``used``.
        sizes: one row per size: geometric mean over its runs with its interval; ``n_censored``
            runs were still improving, of which ``n_unfinished`` are not at their end.
        so_far: the lowest error so far of unfinished runs, which are left out, by size.
        settings: what was asked.
        sampled: every quantity under every resample.
    """

    metric: str
    scale: str
    gamma: Estimate
    direct_law: PowerLaw
    verdict: Verdict
    optima: pd.DataFrame
    sizes: pd.DataFrame
    so_far: pd.DataFrame
    settings: dict[str, Any]
    sampled: Sampled

    def __repr__(self) -> str:
        return f"DirectLaw({self.metric}: {render.one_line(self)})"

    def summary(self, width: int | None = None) -> str:
        """γ, the forms side by side and the verdict as text, in lines of at most ``width``."""
        return render.summary(self, width)

    def as_dict(self) -> dict[str, Any]:
        """The object that ``normlaws fit --json`` prints."""
        return render.as_dict(self)

    def _repr_html_(self) -> str:
        return render.html(self)

    @overload
    def forecast(self, size: float) -> Forecast: ...
    @overload
    def forecast(self, size: Iterable[float]) -> list[Forecast]: ...
    def forecast(self, size: float | Iterable[float]) -> Forecast | list[Forecast]:
        """Lowest error of one new run; its ``log_norm`` is NaN, since no norm is known.

        A number gives one forecast, a sequence a list of them. The interval holds the resampling
        of runs, the drift of past forecasts and the spread of single runs; where no size has a
        second run, the scatter about the law, and every form that fits as well as the best. It is
        not above what unfinished runs of a size no larger, but larger than all in the law, have
        reached already, nor the interval above that of another such run.

        Raises:
            InputError: a size is not positive.
        """
        return each(self._forecast, size)

    def _forecast(self, size: float) -> Forecast:
        found = exponentiated(self.log_error(size), ceiling(self.metric))
        reached, at = self._reached(size)
        by_law = float(self.sampled.size_law.log_error(np.log([size]))[0, 0])
        return Forecast(size, found, Estimate(float("nan")), at if reached < by_law else None)

    @np.errstate(over="ignore", invalid="ignore")
    def log_error(self, size: float) -> Estimate:
        """Ln of the lowest error of one new run of ``size``, with its prediction interval.

        Raises:
            InputError: the size is not positive.
        """
        if not size > 0:
            raise InputError(f"expected a size above 0, got {size:g}")
        seen, log_p = self.sampled, float(np.log(size))
        reached, _ = self._reached(size)
        values = np.fmin(seen.size_law.log_error(np.array([log_p]))[:, 0], reached)
        drift = seen.drift(log_p)
        if seen.freedom:
            spread = run_spread(seen.panel, seen.panel.opt_error)
            ahead = widened(estimate(values, seen.freedom), float(np.hypot(drift, spread)))
            return capped(ahead, widened(Estimate(*[reached] * 3), np.sqrt(2) * spread))
        forms = np.append(seen.forms.log_errors(log_p), seen.local_error(log_p))
        return self._by_forms(float(values[0]), np.minimum(forms, reached), drift, log_p)

    def _beyond(self) -> pd.DataFrame:
        """Unfinished sizes above all in the law: ``size``, ``n_runs``, ``error`` so far."""
        return self.so_far[self.so_far["size"] > self.sampled.panel.sizes.max()]

    def _reached(self, size: float) -> tuple[float, float | None]:
        """Ln of the lowest error so far of those up to ``size``, and which of them has it."""
        rows = self._beyond()
        rows = rows[rows["size"] <= size]
        if rows.empty:
            return float("inf"), None
        lowest = rows.loc[rows["error"].idxmin()]
        return float(np.log(lowest["error"])), float(lowest["size"])

    @overload
    def size_for_error(self, error: float) -> Estimate: ...
    @overload
    def size_for_error(self, error: Iterable[float]) -> list[Estimate]: ...
    def size_for_error(self, error: float | Iterable[float]) -> Estimate | list[Estimate]:
        """Size needed for a lowest error of ``error``; infinite where out of reach.

        A number gives one estimate, a sequence a list of them.

        Raises:
            InputError: the error is not positive, or above 1 where ``metric`` is a fraction.
        """
        return each(self._size_for, error)

    def _size_for(self, error: float) -> Estimate:
        top = ceiling(self.metric)
        if not 0 < error <= top:
            raise InputError(f"expected a target above 0 and at most {top:g}, got {error:g}")
        seen, target = self.sampled, float(np.log(error))
        there = self._beyond()
        reached = np.log(min(there.loc[there["error"] <= error, "size"], default=np.inf))
        log_p = np.fmin(seen.size_law.log_size(target), reached)
        if not np.isfinite(log_p[0]):
            return Estimate(float("inf"))
        gamma = max(float(seen.size_law.parameters[0, 1]), 1e-9)
        drift = seen.drift(float(log_p[0])) / gamma
        if seen.freedom:
            return exponentiated(widened(estimate(log_p, seen.freedom), drift))
        forms = np.minimum(seen.forms.log_sizes_at(target), reached)
        found = self._by_forms(float(log_p[0]), forms, drift, float(log_p[0]), gamma)
        return exponentiated(found)

    def _by_forms(
        self, value: float, forms: Floats, drift: float, log_p: float, gamma: float = 1.0
    ) -> Estimate:
        """Without a second run: the scatter about the line at this distance, and every form."""
        seen = self.sampled.forms
        line, spare = seen.fitted[0], seen.spare(seen.fitted[0])
        if spare < 1:
            return Estimate(value)
        centred = seen.log_sizes - seen.log_sizes.mean()
        away = (log_p - seen.log_sizes.mean()) ** 2 / (centred**2).sum()
        scatter = min(map(seen.scatter, seen.admitted), default=seen.scatter(line))
        wide = quantile(spare) * scatter * np.sqrt(1 + 1 / len(centred) + away)
        wide = float(np.hypot(wide / gamma, NORMAL * drift))
        known = forms[~np.isnan(forms)]
        return Estimate(value, float(min(value - wide, *known)), float(max(value + wide, *known)))

    def forms(self, sizes: Iterable[float] | None = None) -> pd.DataFrame:
        """Every form side by side: ``name``, ``parameters``, ``scatter``, ``admitted``, ``errors``.

        Args:
            sizes: at which ``errors`` are; by default two, four and ten times the largest.
        """
        largest = float(self.sampled.panel.sizes[-1])
        at = [factor * largest for factor in (2, 4, 10)] if sizes is None else list(sizes)
        return self.sampled.forms.table([float(one) for one in at])

    def backtest(self) -> pd.DataFrame:
        """Hide the largest size, forecast it with every form: ``name``, ``log_ratio``.

        ``log_ratio`` is ln(predicted/actual); NaN where too few sizes remain for the form.

        Raises:
            InputError: fewer than three sizes.
        """
        return render.backtest(self.sampled)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the lowest errors against P with the forms and the forecast; return the axes."""
        from normlaws.report import figures
        from normlaws.report.style import shown_in_notebooks

        with shown_in_notebooks():
            return figures.direct_laws({"": self}, ax)
