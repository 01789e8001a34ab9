"""Parts of the scripts that draw the figures of recall and of the transition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "docs" / "scripts"


@pytest.fixture
def recall(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import recall

    return recall


def test_a_majority_is_recalled_at_once(recall):
    steps = recall.emergence(0, patience=40, repetition=3)
    assert 1 < steps < 40
    assert np.isnan(recall.emergence(0, patience=2, repetition=1))


def test_an_interval_is_that_of_the_logarithms(recall):
    low, mean, high = recall.interval(np.array([10.0, 1000.0, np.nan]))
    assert mean == pytest.approx(100)
    assert high / mean == pytest.approx(mean / low)


def test_an_exponent_of_powers_is_exact(recall):
    times = {b: 50 * b**-0.5 * np.ones(3) for b in (1, 2)} | {3: np.ones(3)}
    assert recall.exponent(times).startswith("-0.50")


def test_the_size_needed_lies_between_sizes(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import transition

    sizes = [100, 200, 400]
    assert transition.needed(pd.Series([0.1, 0.05, 0.0125], sizes)) == pytest.approx(200 * 2**0.5)
    assert transition.needed(pd.Series([0.1, 0.05, 0.04], sizes)) == np.inf
    assert transition.needed(pd.Series([0.01, 0.005, np.nan], sizes)) == 100
