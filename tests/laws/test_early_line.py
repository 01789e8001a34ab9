"""The early law as figures draw it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import normlaws as nl
from normlaws.laws.early_line import early_line, with_plateau
from normlaws.laws.plant import Planted, plant


@pytest.fixture(scope="module")
def near_chance():
    return nl.fit(plant(Planted(plateau=0.9, log_k=2.5, gamma0=0.1)), resamples=20)


@pytest.fixture(scope="module")
def by_window(near_chance):
    """The same curves with a window set by hand, which the joint fit has no say in."""
    return nl.fit(near_chance.curves, resamples=0, window=near_chance.early_window)


def test_a_law_of_the_joint_fit_leaves_the_plateau_as_the_curves_do(near_chance):
    assert with_plateau(near_chance) is near_chance.crossover
    low, high = near_chance.early_window
    first = near_chance.mean_curves["log_norm"].min()
    log_norm, error = early_line(replace(near_chance, early_window=(first, high)))
    assert (log_norm[0], log_norm[-1]) == (first, high)
    means = near_chance.mean_curves
    curve = means[means["size"] == means["size"].max()]
    known = (log_norm >= curve["log_norm"].min()) & (log_norm <= (low + high) / 2)
    seen = np.interp(log_norm[known], curve["log_norm"], np.log(curve["error"]))
    np.testing.assert_allclose(np.log(error[known]), seen, atol=0.05)
    assert error[0] == pytest.approx(0.9, rel=0.05)


def test_a_law_of_a_window_begins_below_the_highest_of_the_curves(by_window):
    window = (by_window.early_window[0] - 3, by_window.early_window[1])
    log_norm, error = early_line(replace(by_window, early_window=window))
    assert error[0] == pytest.approx(by_window.mean_curves["error"].max())
    assert log_norm[0] > window[0]
    assert log_norm[-1] == window[1]
    slope = np.polyfit(log_norm, np.log(error), 1)[0]
    assert slope == pytest.approx(by_window.early_law.exponent)
    assert with_plateau(by_window) is None


def test_it_is_that_of_the_largest_size(by_window):
    log_norm, error = early_line(by_window)
    largest = by_window.sizes["size"].max()
    lower = by_window.gamma0.value * np.log(largest / by_window.reference_size)
    np.testing.assert_allclose(np.log(error), by_window.early_law.log(log_norm) - lower)


def test_without_a_window_there_is_none(near_chance):
    for line in early_line(replace(near_chance, early_window=None)):
        assert len(line) == 0
