"""In-context regression against given values, Monte Carlo, and its late law."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from normlaws.errors import InputError, NormlawsWarning
from normlaws.theory import InContextRegression, sample_debiased, sample_risk

MODEL = InContextRegression(5, 40, 0.1)


def risk(model, mu, omega):
    """R as it is written."""
    k = (1 + model.noise) / model.length
    outer = np.outer(omega, omega)
    form = outer + k * np.exp(model.dimension * outer)
    return 1 + model.noise - 2 * mu @ omega + mu @ form @ mu


def test_given_values():
    omega, mu, value = MODEL.single_head()
    assert omega == pytest.approx(0.4472135954999579, rel=1e-14)
    assert mu == pytest.approx(1.6276947001983886, rel=1e-14)
    assert value == pytest.approx(0.3720728007480527, rel=1e-14)
    assert MODEL.infimum() == pytest.approx(0.22087912087912098, rel=1e-13)
    assert MODEL.debiased().risk == pytest.approx(0.242857142857143, rel=1e-13)
    assert MODEL.debiased().step == pytest.approx(0.8791208791208791, rel=1e-14)


def test_risk_is_the_formula_also_where_the_series_ends():
    rng = np.random.default_rng(0)
    for scale in (0.01, 0.3, 1.2, 2.0):
        mu, omega = rng.standard_normal(3), scale * rng.standard_normal(3)
        assert MODEL.risk(mu, omega) == pytest.approx(risk(MODEL, mu, omega), rel=1e-11)


def test_single_head_is_the_minimum_and_heads_of_one_sign_do_no_better():
    best = MODEL.single_head()
    found = minimize(lambda x: MODEL.risk(x[0], x[1]), [1.0, 0.5], tol=1e-12)
    assert found.fun == pytest.approx(best.risk, rel=1e-9)
    flow = MODEL.flow([3e3], [0.01, 0.02], [0.02, 0.01])
    assert flow.risk[-1] == pytest.approx(best.risk, rel=1e-8)


def test_flow_descends_the_risk():
    x = np.array([0.5, -0.3, 0.2, -0.7])
    numeric = np.array(
        [(risk(MODEL, *np.split(x + h, 2)) - risk(MODEL, *np.split(x - h, 2))) / 2e-6
         for h in 1e-6 * np.eye(4)]
    )  # fmt: skip
    np.testing.assert_allclose(MODEL._speed(x), -numeric, atol=1e-8)
    far = np.array([0.5, -0.3, 1.5, -1.7])
    for state in (x, far):
        slopes = np.array(
            [(MODEL._speed(state + h) - MODEL._speed(state - h)) / 2e-6 for h in 1e-6 * np.eye(4)]
        ).T
        np.testing.assert_allclose(MODEL._jacobian(state), slopes, rtol=1e-5, atol=1e-6)


def test_heads_of_both_signs_reach_the_late_law():
    found = MODEL.flow([1e3, 1e4])
    a, k, d = MODEL.shrinkage, MODEL.spread, MODEL.dimension
    law = k * a**6 * d**3 / (24 * found.norm**4)
    np.testing.assert_allclose(found.excess, law, rtol=0.02)
    slope = np.diff(np.log(found.excess)) / np.diff(np.log(found.time))
    assert slope[0] == pytest.approx(-2 / 3, abs=0.01)
    np.testing.assert_allclose(found.mu.sum(axis=1), 0, atol=1e-10)
    np.testing.assert_allclose(found.risk, MODEL.infimum() + found.excess)


def test_debiased_risk_by_monte_carlo():
    found = sample_debiased(MODEL, MODEL.debiased().step, 20_000, seed=1)
    assert abs(found.mean - MODEL.debiased().risk) < 3 * found.error


def test_softmax_heads_by_monte_carlo():
    """To order 1/L: at L = 600 within three standard errors."""
    model = InContextRegression(3, 600, 0.5)
    mu, omega = np.array([0.8, -0.8]), np.array([0.3, -0.3])
    found = sample_risk(model, mu, omega, 4000, seed=2)
    assert abs(found.mean - model.risk(mu, omega)) < 3 * found.error


def test_small_weights_of_both_signs_are_debiased_descent():
    weight = 1e-3
    value = MODEL.debiased().step / (2 * weight)
    found = sample_risk(MODEL, [value, -value], [weight, -weight], 2000, seed=3)
    same = sample_debiased(MODEL, MODEL.debiased().step, 2000, seed=3)
    assert found.mean == pytest.approx(same.mean, rel=1e-4)


def test_curves_by_length():
    curves = MODEL.curves([20, 80], times=np.geomspace(0.1, 100, 8))
    assert curves.sizes == [20, 80]
    assert curves.norms == ["frobenius"]
    lowest = curves.frame.groupby("size").test_loss.min()
    assert lowest[80] < lowest[20]


def test_risk_beyond_double_precision_says_so():
    with pytest.warns(NormlawsWarning, match="exceeds double precision"):
        assert np.isnan(MODEL.risk(1.0, 100.0))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: InContextRegression(0, 4, 0.1), "dimension to be a whole number"),
        (lambda: InContextRegression(2, 4, -0.1), "noise to be a variance of at least 0"),
        (lambda: MODEL.risk(np.nan, 1.0), "finite numbers"),
        (lambda: MODEL.flow([-1.0]), "at least 0"),
        (lambda: MODEL.flow([1.0], [[0.1]], [[0.1]]), "shape"),
    ],
)
def test_out_of_range(act, message):
    with pytest.raises(InputError, match=message):
        act()
