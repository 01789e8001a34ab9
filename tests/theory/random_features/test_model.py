"""Random features against published values, a solver in the time domain, limits and students."""

from __future__ import annotations

import math
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import gamma

import normlaws as nl
from normlaws.errors import InputError
from normlaws.theory import RandomFeatures, simulate_features

INF = math.inf
SLOW = runpy.run_path(str(Path(__file__).with_name("slow_features.py")))["Slow"]


@pytest.mark.parametrize(
    ("a", "b", "modes", "size", "width", "noise", "time", "test", "train", "norm"),
    [
        (1.5, 1.25, 1000, 100, INF, 0.1, 1,
         1.3185009055575492, 1.3160702016305574, 0.7921847675371034),
        (1.5, 1.25, 1000, 100, INF, 0.1, 100,
         0.3394162427208798, 0.043599156252112435, 4.962907379563528),
        (1.5, 1.25, 1000, 100, 150, 0, 10,
         0.6206429124958319, 0.40355671207811394, 2.2361716482108505),
        (1.5, 1.25, 1000, 100, 150, 0, 1000,
         0.7192687438047969, 0.008230925400364707, 8.099644479810765),
        (1.5, 1.25, 1000, 100, 50, 0.1, 10,
         0.7694691020657203, 0.605192967519643, 2.147989743022227),
        (1.5, 1.25, 1000, 100, 50, 0.1, 1e6,
         1.177395614162446, 0.31934890354059986, 5.961675118045118),
        (1.5, 1.25, 1000, INF, 64, 0, 100,
         0.4682420067190485, 0.4682420067190485, 3.5399444445668045),
        (1.5, 1.5, 10**6, 1000, INF, 1, 200,
         0.2924952353290422, 1.0755543318275718, 7.139680055243459),
        (1.5, 1.5, 10**6, 1000, INF, 1, 2000,
         0.29843018962895673, 0.5624120031329214, 24.80821710404017),
    ],
)  # fmt: skip
def test_given_values(a, b, modes, size, width, noise, time, test, train, norm):
    found = RandomFeatures(a, b, modes=modes, width=width, noise=noise).solve(size, time)
    assert found.test_loss == pytest.approx(test, rel=1e-10)
    assert found.train_loss == pytest.approx(train, rel=1e-10)
    assert found.norm == pytest.approx(norm, rel=1e-10)
    assert found.status == "solved"


@pytest.mark.parametrize("size", [40.0, INF])
@pytest.mark.parametrize("width", [25.0, 40.0, 200.0, INF])
@pytest.mark.parametrize("rate", [0.0, 0.15])
def test_agrees_with_the_time_domain(size, width, rate):
    slow = SLOW(1.6, 1.4, 60, size, width, 0.3, order=40, rate=rate)
    model = RandomFeatures(1.6, 1.4, modes=60, width=width, noise=0.3, learning_rate=rate)
    for time in (1.5, 2.1):
        found = model.solve(size, time)
        assert found.test_loss == pytest.approx(slow.test_loss(time), rel=1e-10)
        assert found.train_loss == pytest.approx(slow.train_loss(time), rel=1e-10)
        assert found.norm == pytest.approx(slow.norm(time), rel=1e-10)


def test_a_short_spectrum_and_a_steep_one_agree_with_the_time_domain():
    for a, b, modes in ((1.2, 1.1, 10), (4.0, 3.0, 40), (2.0, 5.0, 700)):
        slow = SLOW(a, b, modes, 30, 20, 0.5, order=36)
        found = RandomFeatures(a, b, modes=modes, width=20, noise=0.5).solve(30, 1.0)
        assert found.test_loss == pytest.approx(slow.test_loss(1.0), rel=1e-10)
        assert found.norm == pytest.approx(slow.norm(1.0), rel=1e-10)


def test_mode_sums_are_those_term_by_term():
    from normlaws.theory._modes import power_law

    for a, b in ((1.1, 1.05), (1.5, 1.5), (4.0, 3.0), (1.5, 6.0)):
        modes, k = power_law(a, b, 2 * 10**5), np.arange(1.0, 2e5 + 1)
        for kappa in (10.0, 1e-3 + 1e-3j, 1e-6 * np.exp(2.2j), 1e-9):
            exact = np.sum(k**-b / (k**-b + kappa))
            found = np.sum(modes.weight * modes.variance / (modes.variance + kappa))
            assert abs(found / exact - 1) < 1e-10, (a, b, kappa)


def test_start_and_end_of_training():
    model = RandomFeatures(1.5, 1.25, modes=1000, width=150, noise=0.1)
    start = model.solve(100, 0)
    assert (start.norm, start.bias) == (0, start.test_loss)
    assert start.train_loss == pytest.approx(start.test_loss + 0.1)
    near = model.solve(100, 1e-7)
    assert near.test_loss == pytest.approx(start.test_loss, rel=1e-6)
    assert near.norm_exponent == pytest.approx(1, abs=1e-6)
    sizes = np.array([40, 100, 300, INF])
    late, end = model.solve(sizes, 1e9), model.limit(sizes)
    for name in ("test_loss", "norm", "bias", "data_variance", "feature_variance"):
        np.testing.assert_allclose(getattr(late, name), getattr(end, name), rtol=1e-6)
    assert late.train_loss[2] == pytest.approx(end.train_loss[2], rel=1e-6)
    assert list(end.train_loss[:2]) == [0, 0]
    assert list(late.status[:2]) == ["train_loss beyond precision"] * 2


def test_equal_size_and_width_diverge_slowly():
    model = RandomFeatures(1.5, 1.25, modes=1000, width=100, noise=0.1)
    end, late = model.limit(100), model.solve(100, [1e4, 1e8])
    assert end.status == "diverges"
    assert math.isinf(end.test_loss)
    assert late.test_loss[1] > 10 * late.test_loss[0]


@pytest.mark.parametrize(("a", "b"), [(1.5, 1.5), (1.6, 1.3), (2.5, 2.0)])
def test_noise_free_limit_has_the_closed_prefactor(a, b):
    model = RandomFeatures(a, b, modes=10**12, noise=0)
    u, base = (a - 1) / b, (math.pi / b) / math.sin(math.pi / b)
    closed = base ** (a - 1) * gamma(u) * gamma(2 - u) * 1e4 ** (1 - a)
    assert model.limit(1e4).test_loss == pytest.approx(closed, rel=0.01)
    assert model.laws().prefactors["D"] * 1e4 ** (1 - a) == pytest.approx(closed)


def test_variances_are_those_of_averages():
    model = RandomFeatures(1.5, 1.25, modes=1000, width=150, noise=0.1)
    one = model.solve(100, [1.0, 100.0])
    parts = (one.bias, one.data_variance, one.feature_variance, one.joint_variance)
    np.testing.assert_allclose(sum(parts), one.test_loss, rtol=1e-12)
    assert all(np.all(part > 0) for part in parts)
    assert np.all(model.ensemble(100, [1.0, 100.0]).test_loss == one.test_loss)
    many = model.ensemble(100, [1.0, 100.0], data_sets=10**9, projections=10**9)
    np.testing.assert_allclose(many.test_loss, one.bias, rtol=1e-8)
    # Infinitely many projections are not infinitely many features: the ridge remains.
    wide = replace(model, width=INF).solve(100, 100.0).test_loss
    assert model.ensemble(100, 100.0, projections=10**9).test_loss > 1.01 * wide


def test_local_exponents_are_slopes():
    model, step = RandomFeatures(1.5, 1.25, modes=10**5, width=150), 1e-4
    near = model.solve(100, 20 * np.exp([-step, 0, step]))
    slope = np.log(near.test_loss[2] / near.test_loss[0]) / (2 * step)
    growth = np.log(near.norm[2] / near.norm[0]) / (2 * step)
    assert near.time_exponent[1] == pytest.approx(slope, rel=1e-6)
    assert near.norm_exponent[1] == pytest.approx(growth, rel=1e-6)
    assert near.early_exponent[1] == pytest.approx(-slope / growth, rel=1e-6)


def test_given_optima():
    first = RandomFeatures(1.5, 1.5).optimum(1000)
    assert first.time == pytest.approx(620.628, rel=1e-6)
    assert first.test_loss == pytest.approx(0.2646418985, rel=1e-9)
    assert first.norm == pytest.approx(12.63123, rel=1e-6)
    second = RandomFeatures(1.5, 1.25).optimum(1e5)
    assert second.time == pytest.approx(9294.02, rel=1e-6)
    assert second.test_loss == pytest.approx(0.05320338162, rel=1e-9)
    assert second.norm == pytest.approx(28.57426, rel=1e-6)


def test_an_optimum_is_lowest():
    model = RandomFeatures(1.5, 1.25, modes=10**6, width=300, noise=0.2)
    best = model.optimum(200)
    around = model.solve(200, best.time * np.geomspace(0.1, 10, 201))
    assert best.test_loss == pytest.approx(around.test_loss.min(), rel=1e-5)
    assert best.test_loss <= around.test_loss.min() * (1 + 1e-12)


def test_values_beyond_precision_are_not_numbers():
    few = RandomFeatures(1.5, 1.25, modes=1000, noise=0)
    found = few.solve(INF, [1e3, 1e6])
    assert list(found.status) == ["solved", "test_loss, train_loss beyond precision"]
    assert np.isnan(found.test_loss[1])
    assert np.isfinite(found.norm[1])


def test_gradient_descent_tends_to_flow():
    flow = RandomFeatures(1.5, 1.25, modes=1000, noise=0.1).solve(100, 20.0)
    gaps = [
        replace(RandomFeatures(1.5, 1.25, modes=1000, noise=0.1), learning_rate=rate)
        .solve(100, 20.0)
        .test_loss
        - flow.test_loss
        for rate in (0.02, 0.01)
    ]
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"target_exponent": 1.0}, "target_exponent greater than 1"),
        ({"spectrum_exponent": 0.5}, "spectrum_exponent greater than 1"),
        ({"target_exponent": math.nan}, "target_exponent greater than 1"),
        ({"modes": 0}, "modes"),
        ({"modes": 1.5}, "modes"),
        ({"width": 0}, "width"),
        ({"noise": -1.0}, "noise"),
        ({"learning_rate": INF}, "learning_rate"),
    ],
)
def test_settings_out_of_range(wrong, words):
    with pytest.raises(InputError, match=words):
        RandomFeatures(**{"target_exponent": 1.5, "spectrum_exponent": 1.5, **wrong})


def test_arguments_out_of_range():
    model = RandomFeatures(1.5, 1.5, modes=1000)
    for size, time in ((0, 1), (math.nan, 1), (10, -1), (10, INF), (10, math.nan)):
        with pytest.raises(InputError, match="expected"):
            model.solve(size, time)
    with pytest.raises(InputError, match="overshoots"):
        replace(model, learning_rate=1.5).solve(10, 100)
    with pytest.raises(InputError, match="10 steps"):
        replace(model, learning_rate=0.1).solve(10, 0.5)
    with pytest.raises(InputError, match="learning_rate 0"):
        replace(model, learning_rate=0.1).frontier(1e6)
    with pytest.raises(InputError, match="norm saturates"):
        RandomFeatures(4, 1.2).early_law(1.0)


def within_three_standard_errors(model, sizes, times, seeds, modes=300):
    model = replace(model, modes=modes)
    students = simulate_features(model, sizes, times, modes=modes, seeds=seeds).frame
    for size in sizes:
        exact = model.solve(size, np.array(times))
        for name, value in (
            ("test_loss", exact.test_loss),
            ("train_loss", exact.train_loss),
            ("log_frobenius", np.log(exact.norm)),
        ):
            rows = students[students["size"] == size].pivot(index="seed", columns="time")[name]
            error = rows.std(ddof=1) / np.sqrt(seeds)
            z = ((rows.mean() - value) / error).to_numpy()
            assert np.all(np.abs(z) < 3), (size, name, z)


def test_students_agree_with_theory():
    times = [1.0, 10.0, 100.0]
    within_three_standard_errors(RandomFeatures(1.5, 1.25, noise=0.1), [100, 200], times, 24)
    narrow = RandomFeatures(1.5, 1.25, noise=0.1, width=60)
    within_three_standard_errors(narrow, [100], times, 24)
    steps = RandomFeatures(1.5, 1.25, noise=0.1, learning_rate=0.4)
    within_three_standard_errors(steps, [100], [8.0, 100.0], 24)


def test_curves_hold_what_solve_says():
    model = RandomFeatures(1.5, 1.5, modes=10**5)
    curves = model.curves([100, 1000], records=12)
    assert curves.sizes == [100, 1000]
    assert curves.seeds == []
    assert curves.norms == ["frobenius"]
    frame = curves.frame[curves.frame["size"] == 1000]
    exact = model.solve(1000, frame["time"].to_numpy())
    np.testing.assert_array_equal(frame["test_loss"], exact.test_loss)
    np.testing.assert_array_equal(np.exp(frame["log_frobenius"]), np.exp(np.log(exact.norm)))
    best = frame["time"].iloc[frame["test_loss"].argmin()]
    assert 0.3 < best / model.optimum(1000).time < 3


def test_students_are_the_same_in_any_company():
    model = RandomFeatures(1.5, 1.5)
    few = simulate_features(model, [32], [1.0, 4.0], modes=50, seeds=2)
    more = simulate_features(model, [16, 32], [1.0, 4.0], modes=50, seeds=3)
    joined = nl.Curves.concat([few, more])
    assert len(joined.runs) == 6
