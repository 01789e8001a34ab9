"""The joint fit: derivatives, recovery of exact curves, options."""

from __future__ import annotations

import numpy as np
import pytest

import normlaws as nl
from normlaws.laws.estimators.crossover import LOG_S, NAMES, Data, _normal, evaluate
from normlaws.laws.plant import SIZES, Planted, plant


def test_gradient_is_that_of_the_cost():
    random = np.random.default_rng(0)
    theta = np.array([[-1.0, 0.1, 0.5, 0.3, 0.9, 0.7, -0.2, -0.5, 1.1]])
    x, p = random.normal(size=40) * 2, random.normal(size=40)
    y = evaluate(theta, x, p, np.array([-4.0])) + 0.1 * random.normal(size=(1, 40))
    data, rows = Data(x, p, y, np.ones((1, 40)), 0.05, -4.0), np.array([0])
    gradient = _normal(data, theta, rows).gradient
    for i in range(len(NAMES)):
        step = np.zeros_like(theta)
        step[0, i] = 1e-6
        higher, lower = (_normal(data, theta + sign * step, rows).cost for sign in (1, -1))
        slope = (higher - lower) / 2e-6
        assert gradient[0, i] == pytest.approx(slope[0], rel=1e-4, abs=1e-4)
    assert NAMES[LOG_S] == "log_sharpness"


@pytest.mark.parametrize("plateau", [0.6, np.inf])
def test_the_steepest_slope_is_that_of_the_curve(plateau):
    fitted = nl.fit(plant(Planted(plateau=plateau), seeds=0)).crossover
    size, low, high = SIZES[-1], fitted.lower, float(fitted.log_norm_opt(SIZES[-1]))
    x = np.linspace(low, high, 4000)
    slope = -np.diff(np.log(fitted.predict(x, size))) / np.diff(x)
    share = fitted.steepest(size, low, high)
    assert share == pytest.approx(slope.max() / fitted.gamma1, abs=2e-3)
    assert 0.9 < share < 1.01
    assert fitted.steepest(SIZES[0], low, low + 1e-3) < share
    assert np.isnan(fitted.steepest(size, high, low))


@pytest.mark.parametrize(
    "law",
    [
        Planted(),
        Planted(sharpness=1.0, rise=0.2),
        Planted(gamma0=0.2, gamma1=0.4, gamma2=1.4, sharpness=4.0),
    ],
)
def test_exact_curves_are_recovered(law):
    found = nl.fit(plant(law, seeds=0)).crossover
    assert found.adequate
    assert found.gamma1 == pytest.approx(law.gamma1, rel=2e-3)
    assert found.gamma2 == pytest.approx(law.gamma2, rel=2e-3)
    assert found.gamma0 == pytest.approx(law.gamma0, abs=2e-3)
    assert found.sharpness == pytest.approx(law.sharpness, rel=0.05)
    assert found.rise == pytest.approx(law.rise, rel=0.05)


def test_prediction_and_optimum_are_those_of_the_planted_law():
    law = Planted()
    found = nl.fit(plant(law, seeds=0)).crossover
    x = np.linspace(3, 8, 7)
    predicted = found.predict(x[:, None], np.array(SIZES)[None, 2:6])
    assert predicted.shape == (7, 4)
    for k, size in enumerate(SIZES[2:6]):
        np.testing.assert_allclose(predicted[:, k], np.exp(law.log_error(x, size)), rtol=0.01)
        assert found.log_norm_opt(size) == pytest.approx(law.log_norm_opt(size), abs=0.05)


def test_irreducible_error_is_found_where_there_is_one_and_only_there():
    law = Planted(gamma1=0.7, irreducible=0.02, log_k=0.3)
    laws = nl.fit(plant(law, noise=0.01), resamples=50)
    assert "irreducible_error" in laws.verdict.codes
    assert laws.crossover.irreducible == pytest.approx(0.02, rel=0.15)
    assert nl.fit(plant(), resamples=50).crossover.irreducible == 0
