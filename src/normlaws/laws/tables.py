"""The tables of a fit: one row per run, per size, per point of the mean curves."""

from __future__ import annotations

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import as_size
from normlaws.laws.data.grid import Panel
from normlaws.laws.data.runs import Run
from normlaws.laws.estimators.bootstrap import estimate
from normlaws.laws.estimators.resampled_fit import Samples


def optima_table(runs: list[Run], panel: Panel) -> pd.DataFrame:
    """One row per run: ``log_norm`` and ``error`` at its optimum, and whether it is used."""
    names = [run.name for run in panel.runs]
    best = dict(zip(names, panel.optima, strict=True))
    censored = dict(zip(names, panel.censored, strict=True))
    rows = []
    for run in runs:
        found = best.get(run.name)
        rows.append(
            {
                "run": run.name,
                "size": run.size,
                "seed": run.seed,
                "log_norm": found.log_norm if found else np.nan,
                "error": float(np.exp(found.log_error)) if found else np.nan,
                "selected_on": run.selected_on,
                "censored": bool(censored.get(run.name, False)),
                "rise": found.rise if found else np.nan,
                "status": run.status,
                "used": found is not None,
            }
        )
    return pd.DataFrame(rows).astype({"seed": "Int64"})


def sizes_table(found: Samples) -> pd.DataFrame:
    """One row per size: geometric-mean lowest error, mean log norm there, with intervals.

    ``used`` says whether the size enters the direct and the late law, ``early_high`` where it
    leaves the early window (NaN where it has no part in it).
    """
    panel, freedom = found.panel, found.freedom
    log_error, log_norm = found.log_error, found.log_norm
    ends = np.where(found.early.ends[0] > found.early.low[0], found.early.ends[0], np.nan)
    rows = []
    for k, size in enumerate(panel.sizes):
        error, norm = estimate(log_error[:, k], freedom), estimate(log_norm[:, k], freedom)
        mine = panel.member[:, k] > 0
        rows.append(
            {
                "size": as_size(size),
                "n_seeds": int(mine.sum()),
                "error": float(np.exp(error.value)),
                "error_low": _exp(error.low),
                "error_high": _exp(error.high),
                "log_norm": norm.value,
                "log_norm_low": _number(norm.low),
                "log_norm_high": _number(norm.high),
                "n_censored": int(panel.censored[mine].sum()),
                "used": bool(found.used[k]),
                "early_high": float(ends[k]),
            }
        )
    return pd.DataFrame(rows)


def mean_curves_table(panel: Panel, curves: Floats) -> pd.DataFrame:
    """Geometric-mean curves on the common grid with ± one standard error of the mean.

    Where one run alone covers a point, the band is the curve itself.
    """
    parts = []
    for k, size in enumerate(panel.sizes):
        mine = panel.on_grid[panel.member[:, k] > 0]
        n = np.isfinite(mine).sum(axis=0)
        known = n > 0
        centre, width = curves[k, known], _standard_error(mine[:, known])
        parts.append(
            pd.DataFrame(
                {
                    "size": as_size(size),
                    "log_norm": panel.grid[known],
                    "error": np.exp(centre),
                    "error_low": np.exp(centre - width),
                    "error_high": np.exp(centre + width),
                    "n_seeds": n[known],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _standard_error(curves: Floats) -> Floats:
    """Standard error over runs at each point that one run covers at least. (R, G) -> (G,)."""
    n = np.isfinite(curves).sum(axis=0)
    squares = np.nansum((curves - np.nanmean(curves, axis=0)) ** 2, axis=0)
    return np.asarray(np.sqrt(squares / np.maximum(n - 1, 1) / n))


def _exp(log: float | None) -> float:
    return float("nan") if log is None else float(np.exp(log))


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
