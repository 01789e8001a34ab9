"""The lines that are shown: means over seeds at equal step, or single runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import Curves, as_size
from normlaws.curves.averages import mean_at_equal_step
from normlaws.explore.state import State

ENOUGH = 3  # common steps that a mean over seeds needs
BROKEN = ("diverged", "failed")


@dataclass(frozen=True)
class Line:
    """One curve as it is drawn, in the order of training.

    Attributes:
        name: ``"mean of 3 seeds"`` or ``"seed 0"``.
        run: the run's id; empty for a mean.
        status: of the run; a mean is of complete runs.
        step: (n,) optimiser steps; NaN where there are none.
        log_norm: (n,) mean natural logarithm of the norm.
        value: (n,) the metric, as recorded; its mean for a mean.
        low, high: (n,) one standard error to either side; NaN for a single run.
    """

    size: int
    name: str
    run: str
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
    rows = dict(list(chosen.frame.groupby("run", sort=False)))
    return [
        line
        for size in sizes
        for line in _of_size(chosen.runs[chosen.runs["size"] == size], rows, state)
    ]


def _of_size(runs: pd.DataFrame, rows: dict[str, pd.DataFrame], state: State) -> Iterator[Line]:
    """A mean of the complete runs where one is wanted and can be had; the rest one by one."""
    complete = [run for run, s in zip(runs["run"], runs["status"], strict=True) if s == "complete"]
    mean = None
    if state.runs == "mean" and len(complete) > 1:
        mean = _mean([rows[run] for run in complete if run in rows], state)
    if mean is not None:
        yield mean
    for record in runs.to_dict("records"):
        if record["run"] in rows and (mean is None or record["status"] != "complete"):
            yield _single(record, rows[record["run"]], state)


def _mean(parts: list[pd.DataFrame], state: State) -> Line | None:
    """Mean at the steps that every run recorded; ``None`` where they share too few."""
    norm, metric = f"log_{state.norm}", state.metric
    mean = mean_at_equal_step(pd.concat(parts), [norm, metric])
    if len(mean) < ENOUGH:
        return None
    value = mean[metric].to_numpy()
    spread = mean[f"{metric}_error"].to_numpy()
    return Line(
        size=as_size(parts[0]["size"].iloc[0]),
        name=f"mean of {len(parts)} seeds",
        run="",
        status="complete",
        step=mean.index.to_numpy(dtype=float),
        log_norm=mean[norm].to_numpy(),
        value=value,
        low=value - spread,
        high=value + spread,
    )


def _single(record: dict[str, object], rows: pd.DataFrame, state: State) -> Line:
    value = rows[state.metric].to_numpy(dtype=float)
    nothing = np.full(len(rows), np.nan)
    seed = record["seed"]
    return Line(
        size=as_size(rows["size"].iloc[0]),
        name="exact or averaged curve" if pd.isna(seed) else f"seed {seed}",
        run=str(record["run"]),
        status=str(record["status"]),
        step=rows["step"].to_numpy(dtype=float, na_value=np.nan),
        log_norm=rows[f"log_{state.norm}"].to_numpy(dtype=float),
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
