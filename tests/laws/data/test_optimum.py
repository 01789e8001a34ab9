"""The optimum of one run, between records and against known minima."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from normlaws.curves import Curves
from normlaws.laws.data.grid import panel_of
from normlaws.laws.data.optimum import (
    FINE,
    _local,
    _lowest_between,
    finest,
    optimum,
    roughness,
)
from normlaws.laws.data.runs import runs_of


def one_run(x, error, status="complete", seed=0, **more):
    frame = pd.DataFrame(
        {"run": "a", "size": 10, "seed": seed, "step": range(len(x)), "log_n": x}
        | {"test_error": error}
        | more
    )
    runs = pd.DataFrame({"run": ["a"], "size": [10], "seed": [seed], "status": [status]})
    return runs_of(Curves(frame, runs), "n", "test_error")[0]


def bowl(x, at=1.23, depth=0.1):
    return depth * np.exp(0.1 * (x - at) ** 2)


def test_minimum_lies_between_records():
    best = optimum(one_run(x := np.linspace(-2, 4, 13), bowl(x)))
    assert best.log_norm == pytest.approx(1.23, abs=0.02)
    assert np.exp(best.log_error) == pytest.approx(0.1, rel=1e-3)
    assert not best.censored


def test_validation_chooses_and_test_scores():
    x = np.linspace(-2, 4, 25)
    best = optimum(one_run(x, bowl(x, at=3.0, depth=0.05), val_error=bowl(x, at=1.0)))
    assert best.log_norm == pytest.approx(1.0, abs=0.05)
    assert np.exp(best.log_error) == pytest.approx(bowl(1.0, at=3.0, depth=0.05), rel=0.01)


def test_lowest_at_the_end_is_censored():
    x = np.linspace(0, 3, 20)
    assert optimum(one_run(x, 0.5 * np.exp(-x))).censored


def test_a_lowest_value_met_again_at_the_end_levels_off():
    error = np.concatenate([0.5 * np.exp(-np.linspace(0, 3, 14)), np.full(6, 0.02)])
    best = optimum(one_run(np.linspace(0, 3, 20), error))
    assert not best.censored
    assert best.rise == pytest.approx(0.0, abs=1e-9)


def test_one_record_of_rise_is_an_optimum_where_it_repeats():
    x = np.linspace(0, 3, 20)
    fall = 0.5 * np.exp(-x)
    risen = np.append(fall[:-1], 1.2 * fall[-2])
    frames = [
        pd.DataFrame({"run": f"{n}", "size": 10, "seed": n, "step": range(20), "log_n": x})
        for n in range(6)
    ]

    def censored(errors):
        parts = [frame.assign(test_error=e) for frame, e in zip(frames, errors, strict=False)]
        return panel_of(runs_of(Curves(pd.concat(parts)), "n", "test_error")).censored.tolist()

    assert censored([risen, fall, fall, fall]) == [True] * 4
    assert censored([risen, risen, risen, fall]) == [False, False, False, True]


def test_unfinished_run_is_censored_until_it_has_clearly_risen():
    x = np.linspace(-1, 1.5, 20)
    assert optimum(one_run(x, bowl(x), status="unfinished")).censored
    x = np.linspace(-1, 5, 20)
    assert not optimum(one_run(x, bowl(x), status="unfinished")).censored


def test_a_norm_that_falls_along_training_is_followed_in_training_order():
    x = np.concatenate([np.linspace(0, 2, 20), np.linspace(2, 1, 20)])
    error = 0.1 * np.exp(0.01 * (np.arange(40) - 30.0) ** 2 / 10)
    best = optimum(one_run(x, error))
    assert best.log_norm == pytest.approx(x[30], abs=0.05)


def test_scatter_does_not_pull_the_optimum_down():
    random = np.random.default_rng(0)
    x = np.linspace(-2, 4, 60)
    found = [
        optimum(one_run(x, bowl(x) * np.exp(0.05 * random.normal(size=60)))).log_error
        for _ in range(60)
    ]
    lowest = [np.log((bowl(x) * np.exp(0.05 * random.normal(size=60))).min()) for _ in range(60)]
    assert abs(np.mean(found) - np.log(0.1)) < 0.035
    assert np.mean(lowest) < np.log(0.1) - 0.05


def test_roughness_is_the_noise_of_a_smooth_curve():
    random = np.random.default_rng(0)
    y = np.sin(np.linspace(0, 3, 4000)) + 0.03 * random.normal(size=4000)
    assert roughness(y) == pytest.approx(0.03, rel=0.06)


def test_zero_errors_become_half_the_resolution_and_infinite_norms_are_left_out():
    x = np.array([-np.inf, 0.0, 1.0, 2.0, 3.0])
    run = one_run(x, [0.5, 0.02, 0.01, 0.0, 0.01])
    assert len(run.log_norm) == 4
    assert np.exp(run.log_error[2]) == pytest.approx(0.005)


def test_rising_records_are_new_highs_after_the_lowest_norm():
    run = one_run([1.0, 0.5, 0.7, 0.6, 0.9, 0.9, 2.0], np.full(7, 0.1))
    assert run.rising.tolist() == [False, True, True, False, True, False, True]


def test_a_smooth_curve_has_no_noise_and_a_noisy_one_its_own():
    x = np.linspace(0, 6, 40)
    smooth = np.log(np.exp(-x) + 0.1 * np.exp(0.3 * x))
    assert finest(smooth) < 1e-4 < roughness(smooth)
    noisy = smooth + 0.01 * np.random.default_rng(0).normal(size=40)
    assert 0.003 < finest(noisy) < 0.015


@pytest.mark.parametrize("n", range(1, 10))
def test_the_local_polynomial_is_that_of_least_squares(n):
    index, at = np.arange(4, 4 + n), 4 + 0.3 * (n - 1)
    y = np.random.default_rng(n).normal(size=n)
    degree = 3 if n >= 7 else min(2, n - 1)
    expected = np.polynomial.Polynomial.fit(index, y, degree, domain=[0, 20], window=[0, 20])
    np.testing.assert_allclose(_local(index, y, at), expected(at), rtol=1e-8, atol=1e-8)
    fine = np.linspace(4, 3 + n, 20_001)
    lowest = fine[np.argmin(expected(fine))]
    assert _lowest_between(index, y) == pytest.approx(lowest, abs=1 / FINE)
