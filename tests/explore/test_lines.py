"""What is drawn: means of complete runs, the rest one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import normlaws as nl
from normlaws.explore.lines import lines_of, table, undrawable
from normlaws.explore.state import State

STATE = State(norm="spectral_complexity", metric="test_error")


def broken(planted):
    """One run unfinished, one diverged halfway."""
    frame, runs = planted.frame.copy(), planted.runs.copy()
    late = frame["step"] >= 12
    frame = frame[~((frame["run"] == "100-0") & late)]
    frame.loc[(frame["run"] == "200-1") & late, ["test_error", "log_spectral_complexity"]] = np.nan
    runs.loc[runs["run"] == "100-0", "status"] = "unfinished"
    runs.loc[runs["run"] == "200-1", "status"] = "diverged"
    return nl.Curves(frame, runs)


def test_means_are_those_of_the_rows_at_each_step(planted):
    first = lines_of(planted, STATE)[0]
    rows = planted.frame[planted.frame["size"] == 100].groupby("step")
    assert first.value == pytest.approx(rows["test_error"].mean().to_numpy())
    assert first.log_norm == pytest.approx(rows["log_spectral_complexity"].mean().to_numpy())
    assert first.high - first.value == pytest.approx(rows["test_error"].sem().to_numpy())


def test_runs_that_did_not_complete_are_drawn_beside_the_mean(planted):
    lines = lines_of(broken(planted), STATE)
    names = [(line.size, line.name, line.status) for line in lines if line.size <= 200]
    assert names == [
        (100, "mean of 2 seeds", "complete"), (100, "seed 0", "unfinished"),
        (200, "mean of 2 seeds", "complete"), (200, "seed 1", "diverged"),
    ]  # fmt: skip
    diverged = lines[3]
    assert diverged.broken
    assert diverged.last_known() == 11
    assert np.isnan(diverged.value[12:]).all()
    assert undrawable(lines) == 13


def test_single_runs_hidden_sizes_and_chosen_seeds(planted):
    state = State(**STATE.as_dict() | {"runs": "single", "hidden": (100, 400), "seeds": (0, 2)})
    lines = lines_of(planted, state)
    assert [line.run for line in lines] == [
        f"{size}-{seed}" for size in (200, 800, 1600) for seed in (0, 2)
    ]


def test_curves_without_seeds_and_steps_can_be_shown():
    exact = nl.theory.FixedNormPerceptron().curves([1, 2, 4], np.geomspace(0.1, 10, 9))
    state = State(norm="frobenius", metric="test_error")
    lines = lines_of(exact, state)
    assert [line.name for line in lines] == ["exact or averaged curve"] * 3
    assert np.isnan(lines[0].step).all()


def test_the_table_holds_every_point(planted):
    lines = lines_of(planted, STATE)
    frame = table(lines, STATE)
    assert len(frame) == sum(len(line.step) for line in lines)
    assert frame["test_error"].tolist() == np.concatenate([li.value for li in lines]).tolist()
    assert isinstance(frame, pd.DataFrame)
