"""Runs that never learn beside others that do."""

from __future__ import annotations

import numpy as np
import pytest

import normlaws as nl
from normlaws.laws.data.runs import AT_CHANCE
from normlaws.laws.plant import Planted, plant

NORM = "spectral_complexity"


@pytest.fixture(scope="module")
def planted() -> nl.Curves:
    return plant(Planted(plateau=0.9), sizes=[250, 500, 1000, 2000, 4000], seeds=5, noise=0.02)


def stuck(curves: nl.Curves, names: list[str]) -> nl.Curves:
    """The curves with the errors of some runs kept within a twentieth of chance."""
    frame = curves.frame.copy()
    mine = frame["run"].isin(names)
    wiggle = 1 - 0.05 * np.random.default_rng(0).random(int(mine.sum()))
    for name in curves.metrics:
        frame.loc[mine, name] = 0.9 * wiggle
    return nl.Curves(frame, curves.runs)


def names_of(curves: nl.Curves, size: int, seeds: range) -> list[str]:
    runs = curves.runs[curves.runs["size"] == size].sort_values("seed")
    return [runs["run"].iloc[seed] for seed in seeds]


def test_a_run_that_never_leaves_chance_is_left_out_and_said(planted):
    names = names_of(planted, 250, range(1)) + names_of(planted, 4000, range(2))
    found = nl.fit(stuck(planted, names), norm=NORM, resamples=20, seed=0)
    rest = planted.select(run=[name for name in planted.runs["run"] if name not in names])
    alone = nl.fit(rest, norm=NORM, resamples=20, seed=0)
    for name in ("gamma", "gamma0", "gamma1", "gamma2"):
        assert getattr(found, name).value == getattr(alone, name).value
    optima = found.optima.set_index("run")
    assert set(optima.index[~optima["used"]]) == set(names)
    assert set(optima.loc[names, "status"]) == {AT_CHANCE}
    assert "runs_left_out" in found.verdict.codes
    assert "3 of 25 runs are left out (at chance)" in found.verdict.text
    direct = nl.laws.direct_law(stuck(planted, names), resamples=20)
    assert "runs_left_out" in direct.verdict.codes


def test_where_most_of_a_size_stay_at_chance_they_count(planted):
    names = names_of(planted, 250, range(3))
    found = nl.fit(stuck(planted, names), norm=NORM, resamples=0)
    assert found.optima["used"].all()


def test_a_single_run_of_a_size_counts(planted):
    one = planted.select(seeds=[0])
    found = nl.fit(stuck(one, names_of(one, 250, range(1))), norm=NORM, resamples=0)
    assert found.optima["used"].all()
