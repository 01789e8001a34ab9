"""The lowest error of every run, whether or not it was followed along a norm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from normlaws.curves import Curves
from normlaws.laws.data.counting import examples_of
from normlaws.laws.data.grid import Panel
from normlaws.laws.data.optimum import Optimum, optimum
from normlaws.laws.data.runs import Run, choices, runs_of

ENDED_OR_GOING = ("complete", "unfinished")
PLACE = "place_of_record"  # stands for the norm: the number of a record in its run


def best_of(curves: Curves, metric: str, choice: str | None) -> tuple[list[Run], Panel]:
    """All runs, and those that count with their optimum; one record is an optimum by itself.

    Unfinished runs count only where fewer than two sizes have a complete one: their lowest value so
    far is an upper bound. Runs of one size without seeds are told apart by their order, so that
    their spread counts.
    """
    frame = curves.frame.copy()
    frame[f"log_{PLACE}"] = frame.groupby("run", sort=False).cumcount().astype(float)
    runs = runs_of(Curves(frame, curves.runs), PLACE, metric, choice or choices(curves, metric)[0])
    usable = tuple(run for run in runs if run.status == "complete" and len(run.log_error))
    if len({run.size for run in usable}) < 2:
        usable = tuple(run for run in runs if run.status in ENDED_OR_GOING and len(run.log_error))
    panel = Panel(_seeded(usable), tuple(map(_optimum, usable)), examples_of(curves, metric))
    return runs, panel


def so_far(runs: list[Run], panel: Panel) -> pd.DataFrame:
    """``size``, ``n_runs`` and lowest ``error`` so far of unfinished runs that do not count."""
    counted = {run.name for run in panel.runs}
    rows = [
        {"size": run.size, "log_error": float(run.log_error.min())}
        for run in runs
        if run.status == "unfinished" and len(run.log_error) and run.name not in counted
    ]
    found = pd.DataFrame(rows, columns=["size", "log_error"]).groupby("size")["log_error"]
    means = np.exp(found.mean().astype(float))
    return pd.DataFrame({"n_runs": found.count(), "error": means}).reset_index()


def _optimum(run: Run) -> Optimum:
    if run.usable:
        return optimum(run)
    lowest = int(np.argmin(run.log_choice))
    unfinished = run.status == "unfinished"
    return Optimum(run.log_norm[lowest], float(run.log_error[lowest]), unfinished, False, 0.0, 0.0)


def _seeded(runs: tuple[Run, ...]) -> tuple[Run, ...]:
    """Runs without seeds numbered within their size."""
    place = pd.Series([run.size for run in runs]).groupby([run.size for run in runs]).cumcount()
    return tuple(
        run if run.seed is not None else replace(run, seed=int(number))
        for run, number in zip(runs, place, strict=True)
    )
