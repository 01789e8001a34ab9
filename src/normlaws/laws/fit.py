"""``fit``: from curves to the two laws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.laws import render
from normlaws.laws.collapse import collapse_quality
from normlaws.laws.panel import Panel, panel_of
from normlaws.laws.resample import degrees_of_freedom, estimate, slopes, weights_of
from normlaws.laws.result import Estimate, PowerLaw, Verdict
from normlaws.laws.runs import Floats, runs_of
from normlaws.laws.tables import mean_curves_table, optima_table, sizes_table
from normlaws.laws.verdict import Evidence, judge
from normlaws.laws.window import EarlyFit, early_fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False)
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
        early_window: log norms between which the early law was read; its upper end is that of the
            largest size, each smaller size leaves the law as far below its own optimum.
        early_law: ln ε = log_prefactor − γ1·log_norm at the reference size
            ``reference_size``; at another P add −γ0·ln(P / reference_size).
        direct_law: ln ε_opt against ln P. late_law: ln λ_opt against ln P.
        mean_curves: geometric-mean curves on a common grid, with ± one standard error.
        settings: what ``fit`` was asked.
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
    settings: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Laws({self.norm}, {self.metric}: {render.one_line(self)})"

    def summary(self) -> str:
        """The exponents, their intervals and the verdict as a table of text."""
        return render.summary(self)

    def as_dict(self) -> dict[str, Any]:
        """The object that ``normlaws fit --json`` prints."""
        return render.as_dict(self)

    def _repr_html_(self) -> str:
        return render.html(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the mean curves with the early window and the optima; return the axes."""
        from normlaws.report import figures

        return figures.laws(self, ax=ax)


def fit(
    curves: Curves,
    norm: str = "spectral_complexity",
    metric: str = "test_error",
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Laws:
    """Fit the two dynamical scaling laws to ``curves``; nothing is tuned by hand.

    Args:
        curves: runs over several training-set sizes, with or without seeds.
        norm: a recorded norm, without its ``log_``.
        metric: a recorded error or loss; test metrics are scored where validation is lowest.
        resamples: bootstrap resamples of the seeds; 0 leaves out the intervals.
        seed: of the resampling.

    Raises:
        InputError: the norm or metric is not recorded, or fewer than two sizes have a usable run
            (complete or unfinished, three records or more).
    """
    runs = runs_of(curves, norm, metric)
    panel = panel_of(runs)
    if not panel.runs or len(panel.sizes) < 2:
        raise InputError(
            "expected usable runs (complete or unfinished, with 3 records or more) at two or more "
            f"training-set sizes, got {len(panel.runs)} at {len(panel.sizes) if panel.runs else 0}"
        )
    weights = weights_of(panel, resamples, seed)
    freedom = degrees_of_freedom(panel) if len(weights) > 1 else 0
    log_norm = panel.size_means(panel.opt_norm, weights)
    log_error = panel.size_means(panel.opt_error, weights)
    curves_mean = panel.mean_curves(weights)
    early = early_fit(panel, curves_mean, log_norm)
    used = _sizes_with_optimum(panel)
    log_p = np.log(panel.sizes)
    direct, slope = slopes(log_p[used], log_error[:, used])
    late, gamma2 = slopes(log_p[used], log_norm[:, used])
    product = early.gamma0 + early.gamma1 * gamma2
    named = {
        "gamma": estimate(-slope, freedom),
        "gamma0": estimate(early.gamma0, freedom),
        "gamma1": estimate(early.gamma1, freedom),
        "gamma2": estimate(gamma2, freedom),
        "product": estimate(product, freedom),
        "difference": estimate(product + slope, freedom),
    }
    reference = float(np.exp(log_p.mean()))
    verdict = judge(
        Evidence(
            runs=runs,
            panel=panel,
            gamma=named["gamma"],
            gamma1=named["gamma1"],
            gamma2=named["gamma2"],
            product=named["product"],
            difference=named["difference"],
            admitted=bool(early.admitted[0]),
            early_scatter=float(early.scatter[0]),
            log_error=log_error,
        )
    )
    return Laws(
        norm=norm,
        metric=metric,
        **named,
        collapse=collapse_quality(panel, curves_mean[0], log_norm[0], log_error[0]),
        verdict=verdict,
        optima=optima_table(runs, panel),
        sizes=sizes_table(panel, log_error, log_norm, used, freedom),
        early_window=_window(early),
        early_law=PowerLaw(
            float(early.constant[0] - early.gamma0[0] * np.log(reference)),
            -float(early.gamma1[0]),
        ),
        direct_law=PowerLaw(float(direct[0]), float(slope[0])),
        late_law=PowerLaw(float(late[0]), float(gamma2[0])),
        reference_size=reference,
        mean_curves=mean_curves_table(panel, curves_mean[0]),
        settings={"resamples": len(weights) - 1, "seed": seed, "clusters": freedom + 1},
    )


def _window(early: EarlyFit) -> tuple[float, float] | None:
    return (float(early.low[0]), float(early.high[0])) if early.admitted[0] else None


def _sizes_with_optimum(panel: Panel) -> np.ndarray:
    """Sizes whose optimum was reached by half their runs or more; all where that leaves too few.

    Where a seed-averaged curve ends says nothing about where training ended: all are kept.
    """
    everything = np.ones(len(panel.sizes), dtype=bool)
    if panel.seedless:
        return everything
    share: Floats = (panel.member.T @ panel.censored) / panel.member.sum(axis=0)
    reached = share <= 0.5
    return reached if reached.sum() >= 3 else everything
