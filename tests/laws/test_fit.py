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
    assert ("laws_hold_shifted" if law.gamma0 else "laws_hold") in laws.verdict.codes


@pytest.mark.parametrize("generator", range(3))
def test_a_long_plateau_at_chance_is_not_taken_for_the_early_law(generator):
    law = Planted(gamma1=0.8, plateau=0.9, log_k=-1.0)
    sizes = [375 * 2**i for i in range(5)]
    how = {"start": -18.0, "sizes": sizes, "jitter": 0.3, "records": 40}
    laws = nl.fit(plant(law, generator=generator, **how), resamples=100)
    assert law.log_error(np.array(laws.early_window[0]), sizes[0]) < np.log(0.8)
    assert laws.gamma1.value == pytest.approx(law.gamma1, rel=0.03)
    assert "no_common_early_curve" not in laws.verdict.codes


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
