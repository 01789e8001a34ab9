"""The fit recovers what was planted, and says so."""

from __future__ import annotations

import numpy as np
import pytest

import normlaws as nl
from normlaws.errors import InputError
from normlaws.laws.plant import Planted, plant


@pytest.mark.parametrize(
    "law",
    [
        Planted(),
        Planted(gamma1=0.3, gamma2=1.5),
        Planted(gamma1=0.5, gamma2=1.0, gamma0=0.2, sharpness=4.0),
    ],
)
def test_planted_exponents_are_recovered(law):
    laws = nl.fit(plant(law, past=3.0), resamples=100)
    assert laws.gamma.value == pytest.approx(law.gamma, rel=0.03)
    assert laws.gamma1.value == pytest.approx(law.gamma1, rel=0.05)
    assert laws.gamma2.value == pytest.approx(law.gamma2, rel=0.05)
    assert laws.gamma0.value == pytest.approx(law.gamma0, abs=0.03)
    assert laws.product.value == pytest.approx(law.gamma, rel=0.05)
    assert "laws_hold" in laws.verdict.codes


def test_unknown_norm_lists_the_recorded_ones():
    with pytest.raises(InputError, match="recorded are spectral_complexity"):
        nl.fit(plant(), norm="frobenius")


def test_fit_without_seeds_has_no_intervals_and_says_so():
    laws = nl.fit(plant(seeds=0))
    assert laws.gamma.low is None
    assert laws.gamma.high is None
    assert "no_seeds" in laws.verdict.codes


def test_mean_curves_and_tables_have_no_gaps():
    laws = nl.fit(plant(), resamples=50)
    assert not laws.mean_curves.isna().any(axis=None)
    assert len(laws.sizes) == 8
    assert len(laws.optima) == 40
    assert np.all(laws.mean_curves["error_low"] <= laws.mean_curves["error"])
