"""Hide the largest sizes, predict them from the rest, score against baselines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import as_size
from normlaws.errors import InputError
from normlaws.laws.estimators.least_squares import straight_line
from normlaws.laws.estimators.resampled_fit import Samples
from normlaws.laws.estimators.size_law import fit_size_law
from normlaws.laws.forecasts.baselines import BASELINES, fit_baseline
from normlaws.laws.forecasts.unfinished import from_partial

OURS, UNFINISHED = "normlaws", "normlaws_unfinished"
MIN_VISIBLE = 3


@dataclass(frozen=True)
class Backtest:
    """Forecasts of sizes that were hidden.

    Attributes:
        table: one row per method and hidden size: ``method``, ``size``, ``predicted``, ``actual``,
            ``log_ratio`` = ln(predicted/actual).
        scores: mean |log_ratio| by method, best first.
        visible: the sizes that the forecasts rest on.
    """

    table: pd.DataFrame
    scores: pd.Series
    visible: tuple[int, ...]

    def _repr_html_(self) -> str:
        return str(self.scores.to_frame("mean |ln(predicted/actual)|").to_html())


@np.errstate(divide="ignore", invalid="ignore")
def backtest(found: Samples, hide: int | None = None) -> Backtest:
    """Hide the ``hide`` largest finished sizes (by default a third, at least one).

    ``normlaws`` sees full curves of the rest; ``normlaws_unfinished`` sees the hidden sizes too,
    but only below the largest visible size's λ_opt. Baselines see the lowest errors of the rest.

    Raises:
        InputError: fewer than three sizes would remain visible, or nothing would be hidden.
    """
    used = np.flatnonzero(found.used)
    hidden = max(len(used) // 3, 1) if hide is None else hide
    if hidden < 1 or len(used) - hidden < MIN_VISIBLE:
        raise InputError(
            f"expected 1 to {max(len(used) - MIN_VISIBLE, 0)} sizes to hide (at least "
            f"{MIN_VISIBLE} stay visible of the {len(used)} usable), got {hidden}"
        )
    seen, held = used[:-hidden], used[-hidden:]
    log_p, actual = found.log_sizes, found.log_error[0]
    predictions = {
        OURS: fit_size_law(log_p[seen], actual[None, seen]).of_data(log_p[held]),
    }
    partial = _unfinished(found, seen, held)
    predictions[UNFINISHED] = np.where(np.isfinite(partial), partial, predictions[OURS])
    for baseline in BASELINES:
        fitted = fit_baseline(baseline, log_p[seen], actual[seen])
        if fitted is not None:
            predictions[baseline.name] = fitted.log_error(log_p[held])
    table = _table(predictions, found.panel.sizes[held], actual[held])
    scores = table["log_ratio"].abs().groupby(table["method"]).mean().sort_values()
    return Backtest(table, scores, tuple(as_size(size) for size in found.panel.sizes[seen]))


def _unfinished(found: Samples, seen: np.ndarray, held: np.ndarray) -> Floats:
    log_p, grid = found.log_sizes, found.panel.grid
    constant, slope = straight_line(log_p[seen], found.log_norm[:1, seen])
    finished = np.isin(np.arange(len(log_p)), seen)
    limit = found.log_norm[0, seen[-1]]
    out = [
        from_partial(
            grid,
            found.curves[:1],
            finished,
            found.log_norm[:1],
            found.log_error[:1],
            np.where(grid <= limit, found.curves[:1, k], np.nan),
            constant + slope * log_p[k],
        )[0]
        for k in held
    ]
    return np.array(out)


def _table(predictions: dict[str, Floats], sizes: Floats, actual: Floats) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "method": method,
                    "size": sizes.astype(int),
                    "predicted": np.exp(log_error),
                    "actual": np.exp(actual),
                    "log_ratio": log_error - actual,
                }
            )
            for method, log_error in predictions.items()
        ],
        ignore_index=True,
    )


def baseline_table(found: Samples) -> pd.DataFrame:
    """One row per law of ε_opt against P: parameters, in-sample and back-test errors.

    ``in_sample`` is the root mean square of ln(fitted/actual), ``backtest`` the mean
    |ln(predicted/actual)| over the hidden largest third; NaN where sizes are too few.
    """
    used = found.used
    log_p, actual = found.log_sizes[used], found.log_error[0, used]
    scores = backtest(found).scores if used.sum() > MIN_VISIBLE else pd.Series(dtype=float)
    rows = [_our_row(found, scores)]
    for baseline in BASELINES:
        fitted = fit_baseline(baseline, log_p, actual)
        rows.append(
            {
                "name": baseline.name,
                "parameters": {}
                if fitted is None
                else dict(zip(baseline.parameters, fitted.theta.tolist(), strict=True)),
                "in_sample": np.nan if fitted is None else fitted.rms,
                "backtest": scores.get(baseline.name, np.nan),
            }
        )
    return pd.DataFrame(rows)


def _our_row(found: Samples, scores: pd.Series) -> dict[str, object]:
    law = found.size_law
    residual = law.of_data(found.log_sizes[found.used]) - found.log_error[0, found.used]
    names = ("log_k", "gamma", "log_offset")
    parameters = dict(zip(names, law.parameters[0].tolist(), strict=True))
    parameters["log_k"] += parameters["gamma"] * law.centre
    return {
        "name": f"{OURS} ({law.form})",
        "parameters": parameters,
        "in_sample": float(np.sqrt(np.mean(residual**2))),
        "backtest": scores.get(OURS, np.nan),
    }
