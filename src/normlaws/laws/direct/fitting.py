"""``direct_law``: from the lowest errors of runs to ε_opt ∝ P^−γ, with no norm asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import Curves, as_size
from normlaws.errors import InputError
from normlaws.laws.data.grid import Panel
from normlaws.laws.data.mixtures import check_alike
from normlaws.laws.data.runs import Run
from normlaws.laws.direct.best import best_of, so_far
from normlaws.laws.direct.forms import Forms, fit_forms
from normlaws.laws.direct.result import DirectLaw, Sampled
from normlaws.laws.direct.verdict import judge
from normlaws.laws.distributions import t_quantile
from normlaws.laws.estimators.bootstrap import (
    degrees_of_freedom,
    estimate,
    quantile,
    weights_of,
)
from normlaws.laws.estimators.least_squares import straight_line
from normlaws.laws.estimators.size_law import fit_size_law
from normlaws.laws.result import Estimate, PowerLaw


def direct_law(
    curves: Curves,
    metric: str | None = None,
    *,
    choice: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> DirectLaw:
    """Fit ε_opt ∝ P^−γ to the lowest error of every run; no norm is needed, one row a run will do.

    >>> import normlaws as nl, pandas as pd
    >>> table = pd.DataFrame({"size": [100, 200, 400, 800], "test_error": [0.4, 0.3, 0.23, 0.17]})
    >>> table = table.assign(run=table["size"].astype(str), seed=pd.NA, step=pd.NA)
    >>> law = nl.laws.direct_law(nl.Curves(table))
    >>> round(law.gamma.value, 2), law.verdict.codes
    (0.41, ('no_norm', 'no_curves', 'no_seeds'))

    Args:
        curves: runs at two sizes or more.
        metric: a recorded error or loss; by default the first recorded of test and validation
            error, test and validation loss.
        choice: the recorded metric whose minimum along a run is its optimum, as in ``fit``.
        resamples: bootstrap resamples of the runs of each size; 0 leaves out the intervals that
            come of them.
        seed: of the resampling.

    Where no size has a second run, intervals come from the scatter of the sizes about the law, and
    forecasts span every form that fits as well as the best.

    Raises:
        InputError: the metric is not recorded, fewer than two sizes have a usable run, or runs of
            one size differ in more than their seed.
    """
    check_alike(curves)
    metric = metric or curves.default_metric()
    runs, panel = best_of(curves, metric, choice)
    if not panel.runs or len(panel.sizes) < 2:
        raise InputError(
            f"expected a best {metric} at two or more sizes, got "
            f"{len(panel.sizes) if panel.runs else 0}"
        )
    found = _sampled(panel, resamples, seed)
    slope = found.direct[:, 1]
    gamma = estimate(-slope, found.freedom) if found.freedom else _from_scatter(found.forms)
    return DirectLaw(
        metric=metric,
        scale=curves.scale,
        gamma=gamma,
        direct_law=PowerLaw(float(found.direct[0, 0]), float(slope[0])),
        verdict=judge(curves, metric.replace("_", " "), runs, panel, gamma, found),
        optima=_optima(runs, panel),
        sizes=_sizes(panel, found),
        so_far=so_far(runs, panel),
        settings={"resamples": len(slope) - 1, "seed": seed, "choice": choice},
        sampled=found,
    )


@np.errstate(divide="ignore", invalid="ignore")
def _sampled(panel: Panel, resamples: int, seed: int) -> Sampled:
    repeated = bool((panel.member.sum(axis=0) > 1).any())
    weights = weights_of(panel, resamples if repeated else 0, seed)
    freedom = max(degrees_of_freedom(panel), 0) if len(weights) > 1 else 0
    log_error = panel.size_means(panel.opt_error, weights)
    log_p = np.log(panel.sizes)
    return Sampled(
        panel=panel,
        freedom=freedom,
        log_error=log_error,
        direct=np.stack(straight_line(log_p, log_error), axis=1),
        size_law=fit_size_law(log_p, log_error),
        forms=fit_forms(log_p, log_error[0]),
    )


def _from_scatter(forms: Forms) -> Estimate:
    """γ with the interval of a straight line's slope from the scatter about it (Student's t)."""
    line, spare = forms.fitted[0], forms.spare(forms.fitted[0])
    value = float(line.theta[1])
    if spare < 1:
        return Estimate(value)
    centred = forms.log_sizes - forms.log_sizes.mean()
    wide = quantile(spare) * forms.scatter(line) / float(np.sqrt((centred**2).sum()))
    return Estimate(value, value - wide, value + wide)


def _optima(runs: list[Run], panel: Panel) -> pd.DataFrame:
    best = {run.name: one for run, one in zip(panel.runs, panel.optima, strict=True)}
    rows = [
        {
            "run": run.name,
            "size": run.size,
            "seed": run.seed,
            "error": float(np.exp(best[run.name].log_error)) if run.name in best else np.nan,
            "selected_on": run.selected_on,
            "censored": run.name in best and best[run.name].censored,
            "status": run.status,
            "used": run.name in best,
        }
        for run in runs
    ]
    return pd.DataFrame(rows).astype({"seed": "Int64"})


def _sizes(panel: Panel, found: Sampled) -> pd.DataFrame:
    rows = []
    for k, size in enumerate(panel.sizes):
        mine = panel.member[:, k] > 0
        low, high = _interval(panel.opt_error[mine])
        rows.append(
            {
                "size": as_size(size),
                "n_runs": int(mine.sum()),
                "error": float(np.exp(found.log_error[0, k])),
                "error_low": low,
                "error_high": high,
                "n_censored": int(panel.censored[mine].sum()),
                "n_unfinished": sum(
                    run.status == "unfinished"
                    for run, one in zip(panel.runs, mine, strict=True)
                    if one
                ),
            }
        )
    return pd.DataFrame(rows)


def _interval(log_error: Floats) -> tuple[float, float]:
    """95 % interval of the geometric mean of one size's runs; NaN for one run."""
    n = len(log_error)
    if n < 2:
        return float("nan"), float("nan")
    wide = t_quantile(0.975, n - 1) * log_error.std(ddof=1) / np.sqrt(n)
    return float(np.exp(log_error.mean() - wide)), float(np.exp(log_error.mean() + wide))
