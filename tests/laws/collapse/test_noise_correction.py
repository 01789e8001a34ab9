"""The schedule correction: the published coefficient, a planted one, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.interop import read_table
from normlaws.laws.collapse import noise_correction

ALPHA, STEPS = 0.3, np.arange(1, 401)


def planted(traced: bool = True) -> Curves:
    """Losses L(τ) + α δη Tr Σ with L = 2 + τ^−1/2, under a constant rate and two decays."""
    rows = []
    for name, rates in (
        ("const", np.full(400, 0.02)),
        ("linear", 0.02 * (1 - STEPS / 401)),
        ("cosine", 0.01 * (1 + np.cos(np.pi * STEPS / 401))),
    ):
        tau = np.cumsum(rates)
        trace = 0.5 + 1 / (1 + tau)
        loss = 2 + tau**-0.5 + ALPHA * (rates / 0.02 - 1) * trace
        run = {"run": name, "size": 10, "seed": 0, "step": STEPS, "lr": rates, "tau": tau}
        rows.append(pd.DataFrame(run | {"grad_cov_trace": trace, "test_loss": loss}))
    frame = pd.concat(rows, ignore_index=True)
    return Curves(frame if traced else frame.drop(columns="grad_cov_trace"))


def test_a_planted_coefficient_is_found():
    found = noise_correction(planted())
    assert found.pairs == 2
    assert found.alpha.value == pytest.approx(ALPHA, rel=0.01)
    assert found.error < 0.02
    shift = found.shift(np.array([0.5]), np.array([1.0]), np.array([2.0]))
    np.testing.assert_allclose(shift, -found.alpha.value)


def test_time_is_made_from_the_rates_where_it_was_not_recorded():
    curves = planted()
    without = Curves(curves.frame.drop(columns="tau"), curves.runs)
    assert noise_correction(without).alpha.value == pytest.approx(ALPHA, rel=0.03)


def test_the_published_coefficient(scaling):
    """Fitted .2097 on the 36 runs with a schedule, with 6 % of the effect left."""
    path = scaling / "supercollapse_c5m_schedules.parquet"
    found = noise_correction(read_table(path, {"size": "params"}))
    assert found.pairs == 36
    assert found.alpha.value == pytest.approx(0.2097, abs=5e-4)
    assert found.error == pytest.approx(0.06, abs=0.002)
    assert found.alpha.low < 0.2097 < found.alpha.high


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="a column grad_cov_trace, got none"):
        noise_correction(planted(traced=False))
    frame = planted().frame
    with pytest.raises(InputError, match="a constant learning rate"):
        noise_correction(Curves(frame[frame["run"] != "const"].reset_index(drop=True)))
    with pytest.raises(InputError, match="after as a share"):
        noise_correction(planted(), after=1.0)
