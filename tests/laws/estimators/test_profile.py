"""Power laws with a floor, against planted values and a slow solver of three parameters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from normlaws.errors import InputError
from normlaws.laws.estimators.profile import OBJECTIVES, power_law_with_floor

SIZES = np.geomspace(1e3, 1e6, 8)


def _planted(share: float, exponent: float, x=SIZES) -> tuple[np.ndarray, float]:
    """A law whose floor is ``share`` of its lowest value."""
    y = 3.0 * (x / x[0]) ** -exponent
    floor = share / (1 - share) * y.min()
    return y + floor, float(floor)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.85, 0.94, 0.99, 0.999])
@pytest.mark.parametrize("exponent", [0.05, 0.1969, 0.3478, 0.7, 1.5])
def test_planted_floors_are_recovered(objective, share, exponent):
    y, floor = _planted(share, exponent)
    found = power_law_with_floor(SIZES, y, objective=objective)
    assert found.converged.all()
    assert found.floor[0] == pytest.approx(floor, rel=1e-6, abs=1e-6 * y.min())
    assert found.exponent[0] == pytest.approx(exponent, rel=1e-6)
    np.testing.assert_allclose(found.predict(SIZES)[0], y, rtol=1e-9)


def test_sizes_may_be_huge_and_close_together():
    x = np.geomspace(1e20, 3e20, 5)
    y, floor = _planted(0.9, 0.5, x)
    found = power_law_with_floor(x, y)
    assert found.floor[0] == pytest.approx(floor, rel=1e-6)
    np.testing.assert_allclose(found.solve(y[2]), x[2], rtol=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_noisy_batches_reach_the_optimum_of_a_slow_solver(objective):
    generator = np.random.default_rng(3)
    clean, _ = _planted(0.8, 0.6)
    y = clean * np.exp(0.01 * generator.standard_normal((6, len(SIZES))))
    weights = generator.integers(1, 4, y.shape).astype(float)
    found = power_law_with_floor(SIZES, y, weights, objective=objective)
    for row in range(len(y)):
        slow = _slow(y[row], weights[row], objective)
        assert found.objective[row] <= slow * (1 + 1e-9)
        assert found.objective[row] == pytest.approx(slow, rel=1e-6)


def _slow(y, weights, objective):
    def residuals(p):
        law = np.exp(p[0] - p[1] * np.log(SIZES)) + p[2]
        if objective == "squares":
            return np.sqrt(weights) * (y - law)
        return np.sqrt(weights) * (1 - law / y if objective == "relative" else np.log(y / law))

    bounds = ([-np.inf, 0, 0], np.inf)
    tight = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": 10_000, "x_scale": "jac"}
    return min(
        2 * least_squares(residuals, [3, g, 0.5 * y.min()], bounds=bounds, **tight).cost
        for g in (0.2, 0.5, 1.0)
    )


def test_each_data_set_of_a_batch_may_have_its_own_places_and_missing_points():
    first, second = SIZES, SIZES * 7
    y = np.stack([_planted(0.5, 0.4, first)[0], _planted(0.5, 0.4, second)[0]])
    y[0, 3] = np.nan
    found = power_law_with_floor(np.stack([first, second]), y)
    np.testing.assert_allclose(found.exponent, 0.4, rtol=1e-7)
    np.testing.assert_allclose(found.log_scale, np.log([3 * 1e3**0.4, 3 * 7e3**0.4]), rtol=1e-6)


def test_a_weight_of_zero_leaves_a_point_out():
    y, _ = _planted(0.5, 0.4)
    wrong = y.copy()
    wrong[2] *= 5
    weights = np.ones(len(y))
    weights[2] = 0
    found = power_law_with_floor(SIZES, wrong, weights)
    assert found.exponent[0] == pytest.approx(0.4, rel=1e-7)


def test_what_cannot_be_fitted_says_so():
    rising, few = SIZES**0.3, np.where(SIZES < 5e3, SIZES**-0.3, np.nan)
    steep = np.array([2.0] + 7 * [1.0])
    found = power_law_with_floor(SIZES, np.stack([rising, few, steep]))
    assert list(found.status) == ["flat", "too_few", "at_bound"]
    assert found.floor[0] == pytest.approx(rising.mean())
    assert np.isnan(found.floor[1])
    assert list(found.converged) == [True, False, False]


def test_the_range_of_exponents_may_be_given():
    y, _ = _planted(0.5, 0.4)
    found = power_law_with_floor(SIZES, y, exponents=(0.5, 2.0))
    assert found.status[0] == "at_bound"
    assert found.exponent[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([0.0, 1, 2], [1, 2, 3]), {}, "x above 0"),
        (([1.0, 2, 3], [1, 2]), {}, "shapes"),
        (([1.0, 2, 3], [1, 0, 3]), {"objective": "log"}, "y above 0"),
        (([1.0, 2, 3], [1, 2, 3], [1, -1, 1]), {}, "weights of 0 or more"),
        (([1.0, 2, 3], [3, 2, 1]), {"objective": "huber"}, "squares, relative or log"),
        (([1.0, 2, 3], [3, 2, 1]), {"exponents": (2.0, 1.0)}, "lower one first"),
    ],
)
def test_bad_input_is_refused(arguments, options, message):
    with pytest.raises(InputError, match=message):
        power_law_with_floor(*arguments, **options)
