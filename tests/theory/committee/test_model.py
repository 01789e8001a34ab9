"""Soft committees against given values, Monte Carlo, closed forms and finite students."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from scipy.optimize import root
from scipy.special import erf

import normlaws as nl
from normlaws.errors import InputError
from normlaws.theory import SoftCommittee, simulate_committee
from normlaws.theory.committee.moments import fluctuation, response
from normlaws.theory.committee.moments import test_loss as exact_loss
from normlaws.theory.committee.plateau import escape_rate, plateau
from normlaws.theory.committee.symmetry import orbits


@pytest.mark.parametrize(
    ("settings", "values"),
    [
        (
            (1, 1, 1, 1.0, 0.5, "erf", 0.01, 0.0),
            {
                1: (0.10505066107935843, 0.2666323275392645),
                10: (0.006618191947725893, 0.7474855367821018),
            },
        ),
        (
            (2, 2, 4, 1.0, 0.5, "erf", 0.01, 0.001),
            {
                10: (0.01430304165, 0.5945912276),
                100: (0.006445387016, 0.8227036339),
                300: (0.001234375451, 1.112906396),
                1000: (2.423877662e-05, 1.370743101),
            },
        ),
        (
            (1, 1, 16, 1.0, 0.5, "linear", 1e-4, 0.0),
            {10: (0.01489132726, 0.655329363), 100: (7.889092859e-05, 0.9743770631)},
        ),
        (
            (3, 2, 2, 0.5, 0.6, "erf", 0.04, 0.1),
            {20: (0.00707008537, 0.973919782), 200: (0.002296311804, 1.32167135)},
        ),
    ],
)
def test_given_values(settings, values):
    found = SoftCommittee(*settings).solve(list(values))
    loss, norm = np.array(list(values.values())).T
    np.testing.assert_allclose(found.test_loss, loss, rtol=2e-9)
    np.testing.assert_allclose(found.norm, norm, rtol=1e-9)
    assert set(found.status) == {"solved"}


def test_moments_agree_with_monte_carlo():
    rng = np.random.default_rng(3)
    k, n, count = 2, 4, 400_000
    root = rng.standard_normal((n, n)) / 2
    c, e = root @ root.T, np.array([-0.7, -0.7, 0.8, 0.6])
    x = rng.standard_normal((count, n)) @ root.T
    missed = erf(x / np.sqrt(2)) @ e
    push = missed[:, None] * np.sqrt(2 / np.pi) * np.exp(-0.5 * x[:, :k] ** 2)
    cross = np.einsum("tu,tw->tuw", push, x)
    pairs = np.einsum("tu,tv->tuv", push, push)
    exact = (exact_loss(c, e), response(c, e, k) @ c, fluctuation(c, e, k))
    for sample, value in zip((0.5 * missed**2, cross, pairs), exact, strict=True):
        error = sample.std(axis=0) / np.sqrt(count)
        assert np.all(np.abs(sample.mean(axis=0) - value) < 4 * error)


def test_jacobian_is_the_derivative_of_the_speed():
    blocks = SoftCommittee(3, 2, 3, 0.5, 0.6).blocks
    rng = np.random.default_rng(0)
    ones = np.full((3, 1, 1), 1 / 3)
    x, root = 0.3 * rng.standard_normal((3, 2)), rng.standard_normal((3, 3))
    state = blocks.pack(ones * x, ones * (x @ x.T + 0.2 * root @ root.T))
    step = 1e-6 * np.eye(len(state))
    numeric = [(blocks.speed(state + d) - blocks.speed(state - d)) / 2e-6 for d in step]
    np.testing.assert_allclose(blocks.jacobian(state), np.array(numeric).T, atol=1e-8)


@pytest.mark.parametrize(
    "model",
    [
        SoftCommittee(3, 2, 2, 1.0, 0.5, "erf", 0.04, 0.1),
        SoftCommittee(3, 2, 5, 1.0, 0.5, "linear", 0.04, 0.1),
        SoftCommittee(1, 2, 4, 0.5, 0.3, "linear", 0.0, 0.2),
    ],
    ids=["erf", "linear", "linear 1 to 2"],
)
def test_students_agree_with_theory(model):
    alphas, seeds = [0.5, 2.0, 8.0], 32
    frame = simulate_committee(model, alphas, dimension=120, seeds=seeds).frame
    exact = model.solve([0, *alphas])
    theory = {
        "test_loss": exact.test_loss,
        "log_frobenius": np.log(exact.norm),
        "log_spectral_complexity": exact.log_spectral_complexity,
    }
    for name, value in theory.items():
        rows = frame.pivot(index="seed", columns="step", values=name).to_numpy()
        np.testing.assert_allclose(rows[:, 0], value[0], rtol=1e-10)  # the start is exact
        error = rows[:, 1:].std(axis=0, ddof=1) / np.sqrt(seeds)
        assert np.all(np.abs(rows[:, 1:].mean(axis=0) - value[1:]) < 3 * error), name


def test_linear_units_agree_with_the_matrix_exponential():
    model = SoftCommittee(2, 3, 6, 0.8, 0.5, "linear", 0.05, 0.2)
    lam, rate = model.variance, model.effective_rate
    system = -2 * rate * np.diag(lam) + rate**2 / 6 * np.outer(lam, lam)
    first = 2 * model.solve(0).test_loss * np.ones(6) / 6
    for alpha in (0.3, 5.0, 50.0):
        exact = 0.5 * lam @ expm(alpha * system) @ first
        assert model.solve(alpha).test_loss == pytest.approx(exact, rel=1e-9)


def test_spectral_complexity_is_that_of_the_weights():
    model = SoftCommittee(3, 2, 1, 1.0, 0.5, "erf", 0.3, 0.4)
    _, gram = model.start
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 3, bias=False), torch.nn.Tanh(), torch.nn.Linear(3, 1, bias=False)
    )
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor(np.linalg.cholesky(gram)))
        net[2].weight.fill_(math.sqrt(2) / 3)
    measured = nl.measure(net).total["log_spectral_complexity"]
    assert model.solve(0).log_spectral_complexity == pytest.approx(measured, rel=1e-5)


@pytest.mark.parametrize("students", [2, 3])
def test_escape_from_the_plateau_has_the_published_rate(students):
    """Saad and Solla (1995): (2K/π) η (2K − 1)^−1/2 (2K + 1)^−3/2 as η → 0, for sums of units.

    Here student and teacher carry 1/√K each, so η/K takes the place of η.
    """
    model = SoftCommittee(students, students, 1, 1.0, 1e-4)
    rho, theta = plateau(model.blocks)
    k = students
    np.testing.assert_allclose(rho, 1 / math.sqrt(k * (2 * k - 1)), rtol=1e-3)
    np.testing.assert_allclose(theta, 1 / (2 * k - 1), rtol=1e-3)
    rate = (2 / math.pi) * 1e-4 / math.sqrt(2 * k - 1) / (2 * k + 1) ** 1.5
    assert escape_rate(model.blocks) == pytest.approx(rate, rel=1e-3)


def test_students_that_start_alike_stay_alike():
    """Two students of one teacher, whose being alike is unstable: rounding would part them."""
    found = SoftCommittee(3, 2, 2, 1.0, 0.5, "erf", 0.01, 0.001).solve([10.0, 1000.0])
    np.testing.assert_array_equal(found.overlaps[:, 0], found.overlaps[:, 2])
    fields = found.student_overlaps
    np.testing.assert_array_equal(fields[:, 0, 0], fields[:, 2, 2])


def test_orbits_are_those_of_a_symmetric_start():
    for students, teachers, paired in ((4, 2, True), (3, 2, True), (3, 3, False), (5, 3, True)):
        alike = orbits(students, teachers, paired)
        model = SoftCommittee(students, teachers, 2, 1.0, 0.5, initial_overlap=0.3 * paired)
        blocks, (x, q) = model.blocks, model.start
        start = blocks.pack(np.full((2, 1, 1), 0.5) * x, np.full((2, 1, 1), 0.5) * q)
        speed = blocks.speed(start).reshape(-1)
        for values in (start[blocks._places()], speed[blocks._places()]):
            np.testing.assert_allclose(values[:, alike.first] @ alike.members.T, values, rtol=1e-12)


def test_differences_grow_as_along_a_path_that_is_solved_apart():
    model = SoftCommittee(2, 2, 4, 1.0, 0.1, initial_variance=1e-4, initial_overlap=1e-8)
    found = model.solve([1500.0, 1700.0])
    apart = found.overlaps[:, 0, 0] - found.overlaps[:, 0, 1]
    assert 1e-5 < apart[0] < apart[1] < 1e-2
    grown = 200 / np.log(apart[1] / apart[0])
    assert grown == pytest.approx(model.escape_time(), rel=1e-3)


def test_escape_of_students_that_start_alike_has_the_rate_of_their_own_fixed_point():
    """With Q_11 = Q_12, which slow relaxation keeps, and one eigenvalue, which settles."""
    model = SoftCommittee(2, 2, 1, 1.0, 0.1)
    one, full = model.blocks, np.ones((2, 2))

    def speeds(values):
        state = one.pack(values[0] * full[None], values[1] * full[None])
        moved, grown = one.unpack(one.speed(state))
        return np.array([moved[0, 0, 0], grown[0, 0, 0]])

    overlap, gram = root(speeds, [0.4, 0.33], tol=1e-13).x
    rates = np.linalg.eigvals(one.jacobian(one.pack(overlap * full[None], gram * full[None])))
    assert model.escape_time() == pytest.approx(1 / rates.real.max(), rel=1e-3)


def test_escape_times_are_those_measured_on_trajectories():
    times = {
        count: 0.1 * SoftCommittee(2, 2, count, 1.0, 0.1).escape_time()
        for count in (1, 2, 4, 8, 16, 32)
    }
    for count, measured in {4: 14.23, 8: 8.196, 16: 4.560, 32: 2.452}.items():
        assert times[count] == pytest.approx(measured, rel=5e-4)
    for count, measured in {1: 29.71, 2: 22.04}.items():  # where it was measured is not known
        assert times[count] == pytest.approx(measured, rel=0.025)


def test_laws_of_linear_units_are_reached():
    model = SoftCommittee(1, 1, 10**6, 1.0, 0.5, "linear", 0.0)
    scale = 0.5 * model.variance[0]
    alphas = np.array([1e6, 1.1e6]) / scale
    found, laws = model.solve(alphas), model.laws()
    slope = -np.diff(np.log(found.test_loss)) / np.diff(np.log(found.norm))
    assert slope[0] == pytest.approx(laws.gamma1, rel=0.01)
    expected = laws.prefactors["c_epsilon"] * 1e6**-laws.gamma
    assert found.test_loss[0] == pytest.approx(expected, rel=3e-3)
    norm = (laws.prefactors["c_lambda"] * 1e6**0.5 - 0.5) / 1e6
    assert found.norm[0] ** 2 == pytest.approx(norm, rel=3e-3)
    assert laws.gamma == pytest.approx(laws.gamma1 * laws.gamma2)


def test_losses_beyond_precision_are_not_numbers():
    late = SoftCommittee(1, 1, 1, 1.0, 0.5).solve([10.0, 1000.0])
    assert list(late.status) == ["solved", "test_loss beyond precision"]
    assert np.isnan(late.test_loss[1])
    assert late.norm[1] == pytest.approx(1)
    linear = SoftCommittee(1, 1, 16, 1.0, 0.5, "linear").solve(1e6)
    assert (linear.status, linear.norm) == ("test_loss beyond precision", pytest.approx(1))


def test_values_keep_the_order_and_shape_of_alphas():
    model = SoftCommittee(2, 2, 2, 1.0, 0.5)
    found = model.solve([[5.0, 1.0], [0.0, 5.0]])
    assert found.test_loss.shape == (2, 2)
    assert found.overlaps.shape == (2, 2, 2, 2)
    assert found.test_loss[0, 0] == found.test_loss[1, 1]
    assert model.solve(1.0).test_loss == pytest.approx(found.test_loss[0, 1], rel=1e-9)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"student": 0}, "student"),
        ({"teacher": 1.5}, "teacher"),
        ({"eigenvalues": 0}, "eigenvalues"),
        ({"spectrum_exponent": 0.0}, "spectrum_exponent"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"activation": "relu"}, "erf or linear"),
        ({"initial_variance": -1.0}, "initial_variance"),
        ({"initial_overlap": math.inf}, "initial_overlap"),
        ({"activation": "linear", "learning_rate": 2.0}, "diverges"),
    ],
)
def test_settings_out_of_range(change, words):
    good = {
        "student": 2,
        "teacher": 2,
        "eigenvalues": 4,
        "spectrum_exponent": 1.0,
        "learning_rate": 0.5,
    }
    with pytest.raises(InputError, match=words):
        SoftCommittee(**(good | change))


def test_arguments_out_of_range():
    model = SoftCommittee(2, 2, 4, 1.0, 0.5)
    with pytest.raises(InputError, match="alphas"):
        model.solve([-1.0])
    with pytest.raises(InputError, match="multiple of 4"):
        simulate_committee(model, [1.0], dimension=101)
    with pytest.raises(InputError, match="plateau"):
        SoftCommittee(1, 1, 4, 1.0, 0.5).escape_time()
    with pytest.raises(InputError, match="several eigenvalues"):
        SoftCommittee(1, 1, 1, 1.0, 0.5).laws()


def test_curves_cut_one_path_and_have_no_optimum_inside():
    model = SoftCommittee(1, 1, 256, 1.0, 0.5, "linear", 1e-8)
    curves = model.curves(np.geomspace(0.02, 2, 6), dimension=10**5, records=60)
    frame = curves.frame
    assert len(curves.sizes) == 6
    last = frame.groupby("size")["test_loss"].last()
    np.testing.assert_array_equal(last, frame.groupby("size")["test_loss"].min())
    shared = frame[frame["step"] == frame["step"].iloc[3]]["test_loss"]
    assert shared.nunique() == 1
