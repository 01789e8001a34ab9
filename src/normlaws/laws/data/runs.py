"""From ``Curves`` to plain arrays: which rows count, and how zeros and norms that fall are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normlaws.arrays import Floats
from normlaws.curves import Curves, as_size
from normlaws.errors import InputError, allowed, meant

SELECTED_BY = {"test_error": ("val_error", "val_loss"), "test_loss": ("val_loss",)}
MIN_RECORDS = 3
AT_CHANCE = "at chance"  # the status of a complete run that never learned while others did
STUCK, LEARNED = 0.9, 0.5  # lowest value over the first: of such a run, and of one that learns


@dataclass(frozen=True)
class Run:
    """One curve in the order of training; logarithms are natural.

    Attributes:
        log_norm: (n,) finite.
        log_error: (n,) the metric that is fitted.
        log_choice: (n,) the metric that picks the optimum: validation where it exists.
    """

    name: str
    size: int
    seed: int | None
    status: str
    log_norm: Floats
    log_error: Floats
    log_choice: Floats
    selected_on: str

    @property
    def usable(self) -> bool:
        """Whether the run's records may enter a fit."""
        return self.status in ("complete", "unfinished") and len(self.log_norm) >= MIN_RECORDS

    @cached_property
    def rising(self) -> NDArray[np.bool_]:
        """Records, after the lowest norm, at which the norm is higher than ever before. (n,)."""
        x = self.log_norm
        first = int(np.argmin(x))
        before = np.concatenate([[-np.inf], np.maximum.accumulate(x)[:-1]])
        before[first] = -np.inf
        before[first + 1 :] = np.maximum.accumulate(x[first:])[:-1]
        return (np.arange(len(x)) >= first) & (x > before)


def choices(curves: Curves, metric: str) -> list[str]:
    """Recorded metrics that can pick the optimum of ``metric``, best first."""
    validation = SELECTED_BY.get(metric, ())
    return [name for name in validation if name in curves.metrics] or [metric]


def runs_of(curves: Curves, norm: str, metric: str, choice: str | None = None) -> list[Run]:
    """Read every run of ``curves``; rows whose norm or metric is missing or infinite are left out.

    A value of zero, a finite test set's way of saying "below my resolution", becomes half the
    smallest difference between two recorded values of that metric. Runs that followed other norms
    only are passed over. The optimum is picked by ``choice``,
    the first of :func:`choices` by default. A complete run that never fell below nine tenths of its
    first value, while most of the runs of its size fell below half of theirs, has the status
    ``"at chance"``: it holds no optimum.

    Raises:
        InputError: the norm or a metric is not recorded.
    """
    column = f"log_{norm}"
    if column not in curves.frame:
        raise InputError(
            f"expected a recorded norm, got {norm!r}; recorded are {allowed(curves.norms)}"
            f"{meant(norm, curves.norms)}"
            if curves.norms
            else f"expected curves with the norm {norm!r}, but no norm is recorded in them"
        )
    choice = choice or choices(curves, metric)[0]
    for name in (metric, choice):
        if name not in curves.metrics:
            raise InputError(
                f"expected a recorded metric, got {name!r}; recorded are "
                f"{allowed(curves.metrics or ['none'])}{meant(name, curves.metrics)}"
            )
    columns = {
        name: curves.frame[name].to_numpy(dtype=float, na_value=np.nan)
        for name in {column, metric, choice}
    }
    floors = {name: _half_step(curves.frame[name]) for name in {metric, choice}}
    places = curves.frame.groupby("run", sort=False).indices
    nowhere = np.zeros(0, dtype=np.int64)
    without = {name for name, rows in places.items() if np.isnan(columns[column][rows]).all()}
    found = [
        _run(record, places.get(record["run"], nowhere), columns, (column, metric, choice), floors)
        for record in curves.runs[["run", "size", "seed", "status"]].to_dict("records")
        if record["run"] not in without
    ]
    return _without_learning(found)


def _without_learning(runs: list[Run]) -> list[Run]:
    """Mark the runs that stayed at chance while most of their size learned."""
    kept = {run.name: _share_left(run) for run in runs if run.usable}
    learned: dict[int, list[bool]] = {}
    for run in runs:
        if run.usable:
            learned.setdefault(run.size, []).append(kept[run.name] < LEARNED)
    return [
        replace(run, status=AT_CHANCE)
        if run.status == "complete"
        and kept.get(run.name, 0.0) > STUCK
        and np.mean(learned[run.size]) > 0.5
        else run
        for run in runs
    ]


def _share_left(run: Run) -> float:
    """The lowest value over the first."""
    return float(np.exp(run.log_error.min() - run.log_error[0]))


def _run(
    record: Mapping[Any, Any],
    rows: NDArray[np.int64],
    columns: dict[str, Floats],
    names: tuple[str, str, str],
    floors: dict[str, float],
) -> Run:
    """One run from its ``rows``; ``names`` are those of the norm, the metric and the choice."""
    column, metric, choice = names
    if np.isnan(columns[choice][rows]).all():
        choice = metric
    norm, error, chosen = (columns[name][rows] for name in (column, metric, choice))
    keep = np.isfinite(norm) & np.isfinite(error) & np.isfinite(chosen)
    seed = record["seed"]
    return Run(
        name=str(record["run"]),
        size=as_size(record["size"]),
        seed=None if pd.isna(seed) else int(seed),
        status=str(record["status"]),
        log_norm=norm[keep],
        log_error=np.log(np.maximum(error[keep], floors[metric])),
        log_choice=np.log(np.maximum(chosen[keep], floors[choice])),
        selected_on=choice,
    )


def _half_step(values: pd.Series) -> float:
    """Half the resolution of a recorded metric; differences below 1e-9 are rounding."""
    steps = np.diff(np.unique(values[values >= 0].to_numpy(dtype=float)))
    steps = steps[steps > 1e-9]
    return float(steps.min() / 2) if len(steps) else 1e-12
