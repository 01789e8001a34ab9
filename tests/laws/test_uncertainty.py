"""Intervals: their coverage on planted studies, and what is resampled."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import normlaws as nl
from normlaws.laws.data.grid import panel_of
from normlaws.laws.data.runs import runs_of
from normlaws.laws.estimators.bootstrap import degrees_of_freedom, estimate, weights_of
from normlaws.laws.plant import Planted, plant


def panel(curves):
    return panel_of(runs_of(curves, "spectral_complexity", "test_error"))


def alike(curves):
    """The same study with what a seed has of its own shared by all its runs."""
    frame = curves.frame.copy()
    frame["test_error"] *= np.exp(0.2 * (frame["seed"].astype(float) - 1.5))
    return nl.Curves(frame, curves.runs)


def test_seeds_that_are_alike_at_all_sizes_are_drawn_with_all_their_runs():
    found = panel(alike(plant(seeds=4)))
    weights = weights_of(found, 50, 0)
    assert weights.shape == (51, len(found.runs))
    np.testing.assert_array_equal(weights[0], 1)
    for seed in range(4):
        mine = weights[:, found.seeds == seed]
        np.testing.assert_array_equal(mine, mine[:, :1].repeat(mine.shape[1], axis=1))
    assert degrees_of_freedom(found) == 3


def test_seeds_of_their_own_are_drawn_for_every_size_one_fewer_than_there_are():
    found = panel(plant(seeds=4))
    weights = weights_of(found, 50, 0)
    np.testing.assert_array_equal(weights[1:] @ found.member, 3)
    assert (weights[1:, found.seeds == 0] != weights[1:, found.seeds == 0][:, :1]).any()
    assert degrees_of_freedom(found) == 12  # half of 8 sizes × 3


def test_interval_of_a_mean_is_students():
    """For a mean the bootstrap interval must be the textbook t interval."""
    random = np.random.default_rng(0)
    x = random.normal(size=6)
    draws = random.multinomial(5, np.full(6, 1 / 6), size=40000) @ x / 5
    found = estimate(np.concatenate([[x.mean()], draws]), 5)
    half = stats.t.ppf(0.975, 5) * x.std(ddof=1) / np.sqrt(6)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.06)
    assert (found.high + found.low) / 2 == pytest.approx(x.mean(), abs=0.1 * half)


@pytest.mark.slow
def test_planted_exponents_are_unbiased_and_covered():
    """A small version of benchmarks/laws.py: 20 studies of 8 sizes × 5 seeds with 3 % noise."""
    law = Planted()
    truth = {"gamma": law.gamma, "gamma1": law.gamma1, "gamma2": law.gamma2, "product": law.gamma}
    fits = [nl.fit(plant(law, generator=i), resamples=100, seed=i) for i in range(20)]
    for name, known in truth.items():
        found = [getattr(fitted, name) for fitted in fits]
        assert np.mean([each.value for each in found]) == pytest.approx(known, rel=0.02)
        assert np.mean([each.low <= known <= each.high for each in found]) >= 0.8


def test_same_seed_same_intervals():
    curves = plant(sizes=[100, 200, 400, 800])
    one, other = nl.fit(curves, resamples=40), nl.fit(curves, resamples=40)
    for name in ("gamma", "gamma0", "gamma1", "gamma2", "product"):  # to rounding
        assert tuple(getattr(one, name)) == pytest.approx(tuple(getattr(other, name)), rel=1e-9)
    assert one.verdict.codes == other.verdict.codes
