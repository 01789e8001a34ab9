"""The early law as figures draw it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import normlaws as nl
from normlaws.laws.early_line import early_line
from normlaws.laws.plant import Planted, plant


@pytest.fixture(scope="module")
def near_chance():
    return nl.fit(plant(Planted(plateau=0.9, log_k=2.5, gamma0=0.1)), resamples=20)


def test_it_begins_below_the_highest_of_the_curves(near_chance):
    window = (near_chance.early_window[0] - 3, near_chance.early_window[1])
    log_norm, error = early_line(replace(near_chance, early_window=window))
    assert error[0] == pytest.approx(near_chance.mean_curves["error"].max())
    assert log_norm[0] > window[0]
    assert log_norm[-1] == window[1]
    slope = np.polyfit(log_norm, np.log(error), 1)[0]
    assert slope == pytest.approx(near_chance.early_law.exponent)


def test_it_is_that_of_the_largest_size(near_chance):
    log_norm, error = early_line(near_chance)
    largest = near_chance.sizes["size"].max()
    lower = near_chance.gamma0.value * np.log(largest / near_chance.reference_size)
    np.testing.assert_allclose(np.log(error), near_chance.early_law.log(log_norm) - lower)


def test_without_a_window_there_is_none(near_chance):
    for line in early_line(replace(near_chance, early_window=None)):
        assert len(line) == 0
