"""Damped least squares and straight lines, against closed forms and certified values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from normlaws.laws.estimators.least_squares import (
    Normal,
    Search,
    least_squares,
    one_line,
    straight_line,
)

# Misra1a of NIST's reference sets (lower difficulty): y = b1 (1 − e^(−b2 x)).
MISRA_X = np.array([77.6, 114.9, 141.1, 190.8, 239.9, 289, 332.8, 378.4, 434.8, 477.3, 536.8,
                    593.1, 689.1, 760.0])  # fmt: skip
MISRA_Y = np.array([10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01,
                    66.40, 75.47, 81.78])  # fmt: skip
CERTIFIED = (2.3894212918e2, 5.5015643181e-4)
STARTS = np.array([[500.0, 1e-4], [250.0, 5e-4]])


def misra(y: np.ndarray):
    """Normal equations of y (B, n)."""

    def normal(theta, rows):
        fall = np.exp(-theta[:, 1:] * MISRA_X)
        jacobian = np.stack([1 - fall, theta[:, :1] * MISRA_X * fall], axis=2)
        return Normal.of(jacobian, theta[:, :1] * (1 - fall) - y[rows])

    return normal


def test_certified_values_from_both_starts():
    data = np.repeat(MISRA_Y[None], len(STARTS), axis=0)
    found = least_squares(misra(data), STARTS, Search(steps=200))
    assert found.converged.all()
    np.testing.assert_allclose(found.theta, [CERTIFIED, CERTIFIED], rtol=1e-8)
    np.testing.assert_allclose(found.cost, 1.2455138894e-1, rtol=1e-9)


def test_members_of_a_batch_do_not_disturb_one_another():
    random = np.random.default_rng(0)
    data = MISRA_Y + random.normal(scale=0.3, size=(6, len(MISRA_Y)))
    data[3] = np.nan  # has no minimum, and must not stop the others
    starts = np.repeat(STARTS[1:], len(data), axis=0)
    found = least_squares(misra(data), starts, Search(steps=200))
    assert found.converged.tolist() == [True, True, True, False, True, True]
    for row in (0, 1, 2, 4, 5):
        alone = curve_fit(
            lambda x, a, b: a * (1 - np.exp(-b * x)), MISRA_X, data[row], STARTS[1], ftol=1e-14
        )
        np.testing.assert_allclose(found.theta[row], alone[0], rtol=1e-6)


def test_too_few_steps_are_said():
    found = least_squares(misra(MISRA_Y[None]), STARTS[:1], Search(steps=2))
    assert not found.converged[0]


def test_limits_hold_and_the_minimum_on_them_is_found():
    low = np.array([0.0, 6e-4])
    found = least_squares(
        misra(MISRA_Y[None]),
        np.array([[240.0, 7e-4]]),
        Search(steps=200),
        lambda trial, rows: np.maximum(trial, low),
    )
    best = (1 - np.exp(-6e-4 * MISRA_X)) @ MISRA_Y / ((1 - np.exp(-6e-4 * MISRA_X)) ** 2).sum()
    np.testing.assert_allclose(found.theta[0], [best, 6e-4], rtol=1e-6)


def test_lines_are_those_of_polyfit_and_pass_over_gaps():
    random = np.random.default_rng(0)
    x, y = np.arange(6.0), random.normal(size=(4, 6))
    y[1, 2], y[3, 1:] = np.nan, np.nan
    constant, slope = straight_line(x, y)
    known = np.isfinite(y[1])
    np.testing.assert_allclose([slope[0], constant[0]], np.polyfit(x, y[0], 1))
    np.testing.assert_allclose([slope[1], constant[1]], np.polyfit(x[known], y[1][known], 1))
    assert np.isnan(slope[3])
    assert one_line(x, y[2]) == pytest.approx((constant[2], slope[2]))


def test_weights_of_lines_are_those_of_polyfit():
    random = np.random.default_rng(1)
    x, y, weight = np.arange(6.0), random.normal(size=(1, 6)), random.uniform(0.2, 1, size=6)
    constant, slope = straight_line(x, y, weight)
    expected = np.polyfit(x, y[0], 1, w=np.sqrt(weight))
    np.testing.assert_allclose([slope[0], constant[0]], expected)
