"""Averages over seeds, for drawing; the fit has its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.curves.checks import as_size
from normlaws.errors import InputError, allowed, meant

COLUMNS = ["size", "x", "y", "y_low", "y_high", "n_seeds"]


def checked_columns(curves: Curves, norm: str, metric: str) -> tuple[str, str]:
    """Column names of a norm and a metric.

    Raises:
        InputError: the curves hold no such norm or metric.
    """
    if norm not in curves.norms:
        raise InputError(
            f"expected a recorded norm ({allowed(curves.norms or ['none'])}), got {norm!r}"
            f"{meant(norm, curves.norms)}"
        )
    if metric not in curves.metrics:
        known = allowed(curves.metrics or ["none"])
        alike = meant(metric, curves.metrics)
        raise InputError(f"expected a recorded error or loss ({known}), got {metric!r}{alike}")
    return f"log_{norm}", metric


def mean_trajectories(curves: Curves, x: str, y: str, *, log_y: bool = False) -> pd.DataFrame:
    """Mean over seeds at equal step, for every size, at the steps that every run of it recorded.

    Complete runs are averaged (all runs, where a size has no complete one), so one mean never
    covers different seeds at its two ends. A size with a single run is that run. Records without
    a step are numbered in the order of their run's rows.

    Returns:
        One row per (size, step): ``size``, ``x`` and ``y`` (means; of ln y, taken back, where
        ``log_y``), ``y_low`` and ``y_high`` (one standard error of the mean to either side; NaN
        for a single run), ``n_seeds``.
    """
    parts = [_mean_of_size(rows, x, y, log_y) for rows in _drawn_rows(curves)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _drawn_rows(curves: Curves) -> Iterator[pd.DataFrame]:
    """For every size the rows of its complete runs, or of all its runs where none is complete."""
    for size in curves.sizes:
        runs = curves.runs[curves.runs["size"] == size]
        done = runs[runs["status"] == "complete"]
        rows = curves.frame[curves.frame["run"].isin((done if len(done) else runs)["run"])]
        if len(rows):
            yield rows


def _mean_of_size(rows: pd.DataFrame, x: str, y: str, log_y: bool) -> pd.DataFrame:
    values = rows[["run", "step"]].assign(x=rows[x].astype(float), y=_forward(rows[y], log_y))
    size, runs = as_size(rows["size"].iloc[0]), rows["run"].nunique()
    if runs == 1:
        lone = values.replace([np.inf, -np.inf], np.nan).assign(size=size, n_seeds=1)
        lone = lone.assign(y=_back(lone["y"], log_y), y_low=np.nan, y_high=np.nan)
        return lone[COLUMNS].dropna(subset=["x", "y"])
    mean = mean_at_equal_step(values, ["x", "y"])
    return mean.assign(
        size=size,
        y=_back(mean["y"], log_y),
        y_low=_back(mean["y"] - mean["y_error"], log_y),
        y_high=_back(mean["y"] + mean["y_error"], log_y),
        n_seeds=runs,
    )[COLUMNS]


def mean_at_equal_step(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Means over runs at the steps where every run has all ``columns``, and their standard errors.

    Args:
        rows: records of runs that belong together, with ``run``, ``step`` and the columns.
            Records without a step are numbered in the order of their run's rows.
        columns: what is averaged; what is not finite counts as not recorded.

    Returns:
        One row per common step, which is the index: the columns, and ``<column>_error`` (standard
        error of the mean; NaN for a single run).
    """
    step = rows["step"]
    if step.isna().any():
        step = step.fillna(rows.groupby("run").cumcount())
    values = rows[list(columns)].to_numpy(dtype=float)
    at, mean, error = means_at(step.to_numpy(dtype="int64"), values, rows["run"].nunique())
    index = pd.Index(at, name="step")
    errors = pd.DataFrame(error, index, [f"{name}_error" for name in columns])
    return pd.DataFrame(mean, index, list(columns)).join(errors)


@np.errstate(divide="ignore", invalid="ignore")
def means_at(
    step: NDArray[np.int64], values: Floats, n_runs: int
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Means at the steps where every one of some runs has all values, and their standard errors.

    Args:
        step: (n,) of every record.
        values: (n, c); a record with one that is not finite counts as not recorded.
        n_runs: to which the records belong.

    Returns:
        The common steps in ascending order, (s,); means, (s, c); standard errors of the means,
        (s, c), NaN for a single run.
    """
    known = np.isfinite(values).all(axis=1)
    found, place, count = np.unique(step[known], return_inverse=True, return_counts=True)
    n = count.astype(float)[:, None]
    mean = _sums(values[known], place, len(found)) / n
    squares = _sums((values[known] - mean[place]) ** 2, place, len(found))
    common = count == n_runs
    return found[common], mean[common], np.sqrt(squares / (n - 1) / n)[common]


def _sums(values: Floats, place: NDArray[np.intp], number: int) -> Floats:
    """Sums of the rows of every place. (number, c)."""
    columns = [np.bincount(place, column, number) for column in values.T]
    return np.column_stack(columns) if columns else np.zeros((number, 0))


def _forward(values: pd.Series, log: bool) -> pd.Series:
    values = values.astype(float)
    return values.where(values > 0).map(np.log) if log else values


def _back(values: pd.Series, log: bool) -> pd.Series:
    return values.map(np.exp) if log else values


def from_laws(mean_curves: pd.DataFrame) -> pd.DataFrame:
    """The fit's own mean curves in the columns that figures draw."""
    names = {"log_norm": "x", "error": "y", "error_low": "y_low", "error_high": "y_high"}
    return mean_curves.rename(columns=names)[COLUMNS]
