"""Which recorded metric picks the optimum."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from normlaws import Curves
from normlaws.errors import InputError
from normlaws.laws import fit

LOG_NORM = np.linspace(0.0, 6.0, 31)


def study(*, rises: bool) -> Curves:
    """Errors that level off, or rise again, at ln λ = 1 + 0.5 ln P; losses that turn 0.4 before."""
    generator = np.random.default_rng(0)
    rows = []
    for size in (8, 16, 32, 64, 128):
        turn = 1 + 0.5 * np.log(size)
        for seed in range(4):
            shifted = LOG_NORM - turn - 0.02 * generator.standard_normal()
            beyond = 0.2 * np.maximum(shifted, 0) if rises else -1e-3 * np.maximum(shifted, 0)
            error = -0.5 * np.log(size) + np.where(shifted < 0, -shifted, beyond) - 1
            loss = np.abs(shifted + 0.4)
            rows.append(
                pd.DataFrame(
                    {
                        "run": f"{size}-{seed}",
                        "size": size,
                        "seed": seed,
                        "step": range(len(LOG_NORM)),
                        "test_error": np.minimum(np.exp(error), 1),
                        "val_error": np.minimum(np.exp(error), 1),
                        "val_loss": np.exp(loss),
                        "log_frobenius": LOG_NORM,
                    }
                )
            )
    return Curves(pd.concat(rows))


def turns(laws) -> np.ndarray:
    return laws.sizes["log_norm"].to_numpy() - 0.5 * np.log(laws.sizes["size"])


def test_an_error_with_a_minimum_picks_its_own_optimum():
    laws = fit(study(rises=True), "frobenius", resamples=0)
    assert set(laws.optima["selected_on"]) == {"val_error"}
    np.testing.assert_allclose(turns(laws), 1.0, atol=0.15)
    assert "optimum_by_loss" not in laws.verdict.codes


def test_an_error_that_levels_off_leaves_the_choice_to_the_validation_loss():
    laws = fit(study(rises=False), "frobenius", resamples=0)
    assert set(laws.optima["selected_on"]) == {"val_loss"}
    np.testing.assert_allclose(turns(laws), 0.6, atol=0.15)
    assert laws.gamma2.value == pytest.approx(0.5, abs=0.02)
    assert "optimum_by_loss" in laws.verdict.codes
    assert "no_optimum" not in laws.verdict.codes


def test_the_choice_can_be_made_by_hand():
    laws = fit(study(rises=True), "frobenius", choice="val_loss", resamples=0)
    np.testing.assert_allclose(turns(laws), 0.6, atol=0.15)
    with pytest.raises(InputError, match="recorded metric, got 'train_loss'; recorded are"):
        fit(study(rises=True), "frobenius", choice="train_loss")
