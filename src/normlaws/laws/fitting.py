"""``fit``: from curves to the two laws."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.curves.metrics import ceiling
from normlaws.errors import InputError
from normlaws.laws import render
from normlaws.laws.clocks import best_clock, clocks
from normlaws.laws.data.counting import examples_of
from normlaws.laws.data.grid import Panel, panel_of
from normlaws.laws.data.mixtures import check_alike
from normlaws.laws.data.runs import Run, choices, runs_of
from normlaws.laws.direct import DirectLaw, direct_law
from normlaws.laws.estimators.bootstrap import estimate, quantile, widened
from normlaws.laws.estimators.collapse_exponents import collapse_exponents
from normlaws.laws.estimators.collapse_quality import collapse_quality
from normlaws.laws.estimators.crossover import Crossover
from normlaws.laws.estimators.early_window import EarlyFit
from normlaws.laws.estimators.resampled_fit import Samples, sample
from normlaws.laws.estimators.sensitivity import influence, window_table
from normlaws.laws.forecasts.backtest import Backtest, backtest, baseline_table
from normlaws.laws.forecasts.clocked import Clocked
from normlaws.laws.forecasts.forecast import (
    each,
    forecast,
    running_size,
    size_for_error,
    stopping_norm,
)
from normlaws.laws.result import Estimate, Forecast, PowerLaw, Verdict
from normlaws.laws.smallest import Smallest, scan, starting_at
from normlaws.laws.tables import mean_curves_table, optima_table, sizes_table
from normlaws.laws.verdict import Evidence, judge

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False, eq=False)
class Laws:
    """The laws fitted to a study, with 95 % intervals by resampling seeds.

    Attributes:
        gamma: γ, minus the slope of ln ε_opt against ln P (the direct law).
        gamma0: γ0, dependence of the early curves on P at fixed norm.
        gamma1: γ1, minus the slope of ln ε against ln λ in the early window.
        gamma2: γ2, slope of the mean ln λ_opt against ln P (the late law).
        product: γ0 + γ1·γ2, to be compared with γ.
        difference: product − γ, with its own interval.
        collapse: spread of the rescaled curves over the noise of a mean curve; near 1 is perfect.
        verdict: words, codes, next steps.
        optima: one row per run (``log_norm`` and ``error`` at its best; ``censored``; ``used``).
        sizes: one row per size (geometric means over seeds, intervals).
        early_window: log norms between which the early law was read, where it was found or set;
            the upper end is that of the size that stays longest, ``sizes["early_high"]`` has the
            others.
        early_law: ln ε = log_prefactor − γ1·log_norm at the reference size
            ``reference_size``; at another P add −γ0·ln(P / reference_size).
        direct_law: ln ε_opt against ln P. late_law: ln λ_opt against ln P.
        mean_curves: geometric-mean curves on a common grid, with ± one standard error.
        crossover: the joint fit, ``crossover.predict(log_norm, size)``; None where too few points.
        settings: what ``fit`` was asked.
        samples: every quantity under every resample.
        curves: what was fitted.
    """

    norm: str
    metric: str
    gamma: Estimate
    gamma0: Estimate
    gamma1: Estimate
    gamma2: Estimate
    product: Estimate
    difference: Estimate
    collapse: float
    verdict: Verdict
    optima: pd.DataFrame
    sizes: pd.DataFrame
    early_window: tuple[float, float] | None
    early_law: PowerLaw
    direct_law: PowerLaw
    late_law: PowerLaw
    reference_size: float
    mean_curves: pd.DataFrame
    crossover: Crossover | None
    settings: dict[str, Any]
    samples: Samples
    curves: Curves | None = None

    def __repr__(self) -> str:
        return f"Laws({self.norm}, {self.metric}: {render.one_line(self)})"

    def summary(self, width: int | None = None) -> str:
        """The exponents, their intervals and the verdict as text, in lines of at most ``width``."""
        return render.summary(self, width)

    def as_dict(self) -> dict[str, Any]:
        """The object that ``normlaws fit --json`` prints."""
        return render.as_dict(self)

    @overload
    def forecast(self, size: float) -> Forecast: ...
    @overload
    def forecast(self, size: Iterable[float]) -> list[Forecast]: ...
    def forecast(self, size: float | Iterable[float]) -> Forecast | list[Forecast]:
        """Lowest error and its log norm for one new run, with prediction intervals.

        A number gives one forecast, a sequence a list of them. A size whose runs are all
        unfinished is forecast from where its curve stands, along the clock that would have
        forecast the finished sizes best (``unfinished`` in :meth:`clocks`).

        Raises:
            InputError: a size is not positive.
        """
        return each(self._forecast, size)

    def _forecast(self, size: float) -> Forecast:
        top, running = ceiling(self.metric), running_size(self.samples, size)
        if self.curves is None or running is None:
            return forecast(self.samples, size, top)
        return forecast(self.samples, size, top, self._clock(running))

    def _clock(self, running: int) -> tuple[Clocked, Floats]:
        """The clock to follow an unfinished size along, by its index; looked for once."""
        known = self._clocks_followed
        if running not in known:
            how = (self.norm, self.metric, self.settings["choice"])
            known[running] = best_clock(
                self._recorded, *how, self.samples, self.settings["seed"], running
            )
        return known[running]

    @cached_property
    def _clocks_followed(self) -> dict[int, tuple[Clocked, Floats]]:
        return {}

    @overload
    def size_for_error(self, error: float) -> Estimate: ...
    @overload
    def size_for_error(self, error: Iterable[float]) -> list[Estimate]: ...
    def size_for_error(self, error: float | Iterable[float]) -> Estimate | list[Estimate]:
        """Training examples needed for a lowest error of ``error``; infinite where out of reach.

        A number gives one estimate, a sequence a list of them.

        Raises:
            InputError: the error is not positive.
        """
        return each(partial(size_for_error, self.samples), error)

    @overload
    def stopping_norm(self, size: float) -> Estimate: ...
    @overload
    def stopping_norm(self, size: Iterable[float]) -> list[Estimate]: ...
    def stopping_norm(self, size: float | Iterable[float]) -> Estimate | list[Estimate]:
        """Natural logarithm of the norm at which to stop one run of ``size`` examples.

        A number gives one estimate, a sequence a list of them.

        Raises:
            InputError: a size is not positive.
        """
        return each(partial(stopping_norm, self.samples), size)

    def backtest(self, hide: int | None = None) -> Backtest:
        """Hide the largest sizes (a third by default), predict them, score with baselines."""
        return backtest(self.samples, hide)

    def baselines(self) -> pd.DataFrame:
        """Laws of ε_opt against P side by side: ``name``, ``parameters``, errors."""
        return baseline_table(self.samples)

    def collapse_exponents(self) -> tuple[Estimate, Estimate]:
        """(γ, γ2) by finite-size scaling, with no functional form assumed."""
        return collapse_exponents(self.samples)

    def clocks(self) -> pd.DataFrame:
        """The figures of the laws against every recorded norm, step, epoch and training loss.

        ``common_share`` is how much of their fall sizes do on one curve, ``slope_change`` how far
        that curve is from a power law (1), ``collapse`` the spread of the rescaled curves over
        their fall. The fitted norm comes first; ``normlaws.laws.clocks.clock_sentence`` says
        whether it does better than the step.

        Raises:
            InputError: the fit was not made by ``fit``, so its curves are not at hand.
        """
        return self._clocks_compared.copy()

    @cached_property
    def _clocks_compared(self) -> pd.DataFrame:
        return clocks(self._recorded, self.norm, self.metric, self.settings["choice"])

    def window_table(self) -> pd.DataFrame:
        """γ1 and γ0 in the chosen window and in windows near it."""
        return window_table(self.samples)

    def influence(self) -> pd.DataFrame:
        """Exponents with one size left out at a time."""
        return influence(self.samples)

    def scan(self) -> pd.DataFrame:
        """The exponents from every smallest size on, to the largest; ``chosen`` marks one range.

        It is the longest whose exponents lie within the intervals of all shorter ones, as
        ``fit(..., smallest="auto")`` takes it.

        Raises:
            InputError: the fit was not made by ``fit``, so its curves are not at hand.
        """

        def fit_part(part: Curves, resamples: int) -> Laws | DirectLaw:
            how = {name: self.settings[name] for name in ("choice", "seed")}
            return fit(part, self.norm, self.metric, resamples=resamples, **how)

        return scan(self._recorded, self.sizes["size"].tolist(), fit_part)

    @property
    def _recorded(self) -> Curves:
        if self.curves is None:
            raise InputError("expected laws made by nl.fit, got some without their curves")
        return self.curves

    def _repr_html_(self) -> str:
        return render.html(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the mean curves with the early window and the optima; return the axes."""
        from normlaws.report import figures
        from normlaws.report.style import shown_in_notebooks

        with shown_in_notebooks():
            return figures.laws_overview(self, ax)


@overload
def fit(
    curves: Curves,
    norm: str,
    metric: str | None = None,
    *,
    choice: str | None = None,
    window: tuple[float, float] | None = None,
    smallest: Smallest | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Laws: ...
@overload
def fit(
    curves: Curves,
    norm: None = None,
    metric: str | None = None,
    *,
    choice: str | None = None,
    window: tuple[float, float] | None = None,
    smallest: Smallest | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Laws | DirectLaw: ...
def fit(
    curves: Curves,
    norm: str | None = None,
    metric: str | None = None,
    *,
    choice: str | None = None,
    window: tuple[float, float] | None = None,
    smallest: Smallest | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Laws | DirectLaw:
    """Fit the two dynamical scaling laws to ``curves``; nothing has to be chosen.

    >>> import normlaws as nl
    >>> curves = nl.laws.plant(sizes=(100, 400, 1600), seeds=3)
    >>> laws = nl.fit(curves, norm="spectral_complexity", metric="test_error", resamples=100)
    >>> laws.forecast(6400).size
    6400.0
    >>> [round(found.value) for found in laws.stopping_norm([3200, 6400])]  # natural logarithms
    [8, 9]

    Args:
        curves: runs over several training-set sizes, with or without seeds.
        norm: a recorded norm, without its ``log_``; by default spectral complexity, or the only
            one recorded.
        metric: a recorded error or loss; by default the first recorded of test and validation
            error, test and validation loss.
        choice: the recorded metric whose minimum along a run is its optimum, where ``metric`` is
            then scored. By default the validation error, for an error; and where at most sizes
            that only levels off, the validation loss, if it has a minimum (the usual early stop).
            Without a validation split, ``metric`` itself.
        window: log norms (low, high) between which to read the early law, to see what another
            window would say; by default it is found. ``high`` is where the size that stays longest
            leaves the law; the others leave it as far below their own optimum.
        smallest: training-set size from which on runs take part, so that all exponents rest on one
            range; ``"auto"`` takes the longest range whose exponents lie within the intervals of
            all shorter ones (:meth:`Laws.scan` shows them). By default all sizes take part.
        resamples: bootstrap resamples of the seeds; 0 leaves out the intervals.
        seed: of the resampling.

    Where ``norm`` is left open and no norm is recorded, or every run has one record only, the
    direct law alone is fitted (:func:`normlaws.laws.direct_law`).

    Raises:
        InputError: the window is empty, ``smallest`` is no size or above all, the norm or metric is
            not recorded, fewer than two sizes have a usable run (complete or unfinished, three
            records or more), or runs of one size differ in more than their seed (model, data,
            optimiser).
    """
    _check_window(window)
    check_alike(curves)
    if smallest is not None:
        curves = starting_at(
            curves,
            smallest,
            lambda: fit(curves, norm, metric, choice=choice, resamples=0).sizes["size"].tolist(),
            lambda part, resamples: fit(
                part, norm, metric, choice=choice, resamples=resamples, seed=seed
            ),
        )
    if norm is None and window is None and not _followed(curves):
        return direct_law(curves, metric, choice=choice, resamples=resamples, seed=seed)
    norm, metric = norm or curves.default_norm(), metric or curves.default_metric()
    runs, panel = _with_optima(curves, norm, metric, choice)
    if not panel.runs or len(panel.sizes) < 2:
        raise InputError(
            "expected usable runs (complete or unfinished, with 3 records or more) at two or more "
            f"training-set sizes, got {len(panel.runs)} at {len(panel.sizes) if panel.runs else 0}"
        )
    found = sample(panel, resamples, seed, window)
    gamma1, gamma0 = found.early_exponents
    slope, free, gamma2 = found.direct[:, 1], found.direct_slope, found.late[:, 1]
    product, other = gamma0 + gamma1 * gamma2, gamma0 + gamma1 * found.other_gamma2
    named = {
        "gamma": _spanning(*(estimate(-each, found.freedom) for each in (slope, free))),
        "gamma0": _widened(found, "gamma0", gamma0),
        "gamma1": _widened(found, "gamma1", gamma1),
        "gamma2": _both(found, "gamma2", gamma2, found.other_gamma2),
        "product": _both(found, "product", product, other),
        "difference": _spanning(
            *(_both(found, "difference", product + each, other + each) for each in (slope, free))
        ),
    }
    return Laws(
        norm=norm,
        metric=metric,
        **named,
        collapse=collapse_quality(panel, found.curves[0], found.log_norm[0], found.log_error[0]),
        verdict=judge(Evidence(metric=metric, runs=runs, found=found, **named)),
        optima=optima_table(runs, panel),
        sizes=sizes_table(found),
        early_window=window or _window(found.early),
        early_law=_early_law(found),
        direct_law=PowerLaw(float(found.direct[0, 0]), float(slope[0])),
        late_law=PowerLaw(float(found.late[0, 0]), float(gamma2[0])),
        reference_size=float(np.exp(found.log_sizes.mean())),
        mean_curves=mean_curves_table(panel, found.curves[0]),
        crossover=_crossover(found),
        settings={
            "resamples": len(found.late) - 1,
            "seed": seed,
            "clusters": found.freedom + 1,
            "window": window,
            "choice": choice,
        },
        samples=found,
        curves=curves,
    )


def _widened(found: Samples, name: str, values: Floats) -> Estimate:
    """An exponent with the error of the model in its interval. ``values``: (B,)."""
    return widened(estimate(values, found.freedom), found.model_error(name))


def _both(found: Samples, name: str, values: Floats, other: Floats) -> Estimate:
    """An exponent that rests on γ2; its interval reaches one standard deviation beyond the other.

    ``other`` (B,) is the same with the other estimate of γ2, from the optima or the joint fit.
    """
    one, two = _widened(found, name, values), estimate(other, found.freedom)
    if one.low is None or one.high is None or two.low is None or two.high is None:
        return one
    share = 1 / quantile(found.freedom)
    below, above = share * (two.value - two.low), share * (two.high - two.value)
    return Estimate(one.value, min(one.low, two.value - below), max(one.high, two.value + above))


def _spanning(plain: Estimate, free: Estimate) -> Estimate:
    """With the direct γ; the interval also holds what the γ without the plateau at chance gives."""
    bounds = (plain.low, plain.high, free.low, free.high)
    if any(bound is None for bound in bounds):
        return plain
    return Estimate(plain.value, min(plain.low, free.low), max(plain.high, free.high))  # type: ignore[type-var]


def _with_optima(
    curves: Curves, norm: str, metric: str, choice: str | None
) -> tuple[list[Run], Panel]:
    """The runs, and their optima by the first choice that has minima, else by the first."""
    names = [choice] if choice else choices(curves, metric)
    found = []
    for name in names:
        runs = runs_of(curves, norm, metric, name)
        panel = panel_of(runs, examples_of(curves, metric))
        if panel.runs and not panel.levels_off:
            return runs, panel
        found.append((runs, panel))
    return found[0]


def _followed(curves: Curves) -> bool:
    """Whether a norm is recorded, and a run has more than one record."""
    return bool(curves.norms) and bool(curves.frame["run"].duplicated().any())


def _check_window(window: tuple[float, float] | None) -> None:
    if window is not None and not (np.isfinite(window).all() and window[0] < window[1]):
        raise InputError(
            "expected a window of two finite log norms, the lower one first, "
            f"got {window[0]:g} to {window[1]:g}"
        )


def _window(early: EarlyFit) -> tuple[float, float] | None:
    return (float(early.low[0]), float(early.high[0])) if early.admitted[0] else None


def _early_law(found: Samples) -> PowerLaw:
    """The early law at the geometric mean of the sizes."""
    at = found.log_sizes.mean()
    joint = found.joint.crossover if found.joint else None
    if joint is not None and found.joint_is_used:
        constant = joint.parameters[0] + joint.gamma1 * joint.centre[0]
        return PowerLaw(float(constant - joint.gamma0 * (at - joint.centre[1])), -joint.gamma1)
    early = found.early
    return PowerLaw(float(early.constant[0] - early.gamma0[0] * at), -float(early.gamma1[0]))


def _crossover(found: Samples) -> Crossover | None:
    """The better of the joint fits: with an irreducible error where one is claimed and helps."""
    plain = found.joint.crossover if found.joint else None
    excess = found.excess.crossover if found.excess else None
    if plain is None or excess is None:
        return plain
    return excess if excess.scatter < plain.scatter else plain
