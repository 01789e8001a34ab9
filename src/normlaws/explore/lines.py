"""The lines that are shown: means over seeds at equal step, or single runs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import Curves, as_size
from normlaws.curves.averages import means_at
from normlaws.explore.state import State

ENOUGH = 3  # common steps that a mean over seeds needs
BROKEN = ("diverged", "failed")


@dataclass(frozen=True)
class Line:
    """One curve as it is drawn, in the order of training.

    Attributes:
        name: ``"mean of 3 seeds"`` or ``"seed 0"``.
        run: the run's id; empty for a mean.
        seed: of the run; None for a mean, and for a run without one.
        status: of the run; a mean is of complete runs.
        step: (n,) optimiser steps; NaN where there are none.
        log_norm: (n,) mean natural logarithm of the norm.
        value: (n,) the metric, as recorded; its mean for a mean.
        low, high: (n,) one standard error to either side; NaN for a single run.
    """

    size: int
    name: str
    run: str
    seed: int | None
    status: str
    step: Floats
    log_norm: Floats
    value: Floats
    low: Floats
    high: Floats

    @property
    def broken(self) -> bool:
        """Whether the run ended in a failure."""
        return self.status in BROKEN

    def last_known(self) -> int | None:
        """Index of the last point that can be drawn on logarithmic axes."""
        known = np.flatnonzero(np.isfinite(self.log_norm) & (self.value > 0))
        return int(known[-1]) if len(known) else None


def lines_of(curves: Curves, state: State) -> list[Line]:
    """What a state shows, in ascending size; runs that did not complete are never averaged."""
    sizes = [size for size in curves.sizes if size not in state.hidden]
    chosen = curves.select(sizes=sizes, seeds=state.seeds)
    records = _Records(chosen.frame, state)
    return [
        line
        for size in sizes
        for line in _of_size(chosen.runs[chosen.runs["size"] == size], records, state)
    ]


class _Records:
    """The records of every run, as columns: taking a table apart run by run is slow.

    Args:
        frame: of curves.
        state: names the norm and the metric.
    """

    def __init__(self, frame: pd.DataFrame, state: State) -> None:
        self._places = frame.groupby("run", sort=False).indices
        self._step = frame["step"].to_numpy(dtype=float, na_value=np.nan)
        names = [f"log_{state.norm}", state.metric]
        self._values = frame[names].to_numpy(dtype=float)

    def __contains__(self, run: str) -> bool:
        return run in self._places

    def of(self, run: str) -> tuple[Floats, Floats]:
        """Step, (n,), and log norm and value, (n, 2), of one run's records."""
        at = self._places[run]
        return self._step[at], self._values[at]

    def mean(self, runs: list[str]) -> tuple[Floats, Floats, Floats]:
        """Steps that every one of the runs recorded; means and standard errors there, (n, 2)."""
        parts = [self.of(run) for run in runs]
        steps = [np.where(np.isnan(step), np.arange(len(step)), step) for step, _ in parts]
        at, mean, error = means_at(
            np.concatenate(steps).astype(np.int64),
            np.concatenate([values for _, values in parts]),
            len(runs),
        )
        return at.astype(float), mean, error


def _of_size(runs: pd.DataFrame, records: _Records, state: State) -> Iterator[Line]:
    """A mean of the complete runs where one is wanted and can be had; the rest one by one."""
    known = [one for one in runs.to_dict("records") if one["run"] in records]
    complete = [one["run"] for one in known if one["status"] == "complete"]
    mean = None
    if state.runs == "mean" and len(complete) > 1:
        mean = _mean(as_size(known[0]["size"]), complete, records)
    if mean is not None:
        yield mean
    for one in known:
        if mean is None or one["status"] != "complete":
            yield _single(one, records)


def _mean(size: int, runs: list[str], records: _Records) -> Line | None:
    """Mean at the steps that every run recorded; ``None`` where they share too few."""
    step, mean, error = records.mean(runs)
    if len(step) < ENOUGH:
        return None
    log_norm, value = mean.T
    spread = error[:, 1]
    return Line(
        size=size,
        name=f"mean of {len(runs)} seeds",
        run="",
        seed=None,
        status="complete",
        step=step,
        log_norm=log_norm,
        value=value,
        low=value - spread,
        high=value + spread,
    )


def _single(record: dict[Hashable, Any], records: _Records) -> Line:
    step, values = records.of(record["run"])
    log_norm, value = values.T
    nothing = np.full(len(value), np.nan)
    seed = record["seed"]
    return Line(
        size=as_size(record["size"]),
        name="exact or averaged curve" if pd.isna(seed) else f"seed {seed}",
        run=str(record["run"]),
        seed=None if pd.isna(seed) else int(seed),
        status=str(record["status"]),
        step=step,
        log_norm=log_norm,
        value=value,
        low=nothing,
        high=nothing,
    )


def table(lines: list[Line], state: State) -> pd.DataFrame:
    """The shown points, one row each, in the columns of a download."""
    parts = [
        pd.DataFrame(
            {
                "size": line.size,
                "line": line.name,
                "run": line.run,
                "status": line.status,
                "step": line.step,
                f"log_{state.norm}": line.log_norm,
                state.metric: line.value,
                f"{state.metric}_low": line.low,
                f"{state.metric}_high": line.high,
            }
        )
        for line in lines
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def undrawable(lines: list[Line]) -> int:
    """Points that logarithmic axes cannot hold: at zero, or not a number."""
    return sum(
        int((~(np.isfinite(line.log_norm) & np.isfinite(line.value) & (line.value > 0))).sum())
        for line in lines
    )
