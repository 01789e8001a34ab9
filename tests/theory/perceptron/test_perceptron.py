"""The fixed-norm perceptron against published values, a slow solver, theorems and scikit-learn."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

import normlaws as nl
from normlaws.errors import InputError, NormlawsWarning
from normlaws.theory import FixedNormPerceptron, rule
from normlaws.theory.perceptron._prox import prox

THEORY = FixedNormPerceptron()
NOISY = FixedNormPerceptron(0.1)
BOTH = pytest.mark.parametrize("theory", [THEORY, NOISY], ids=["clean", "noisy"])
SLOW = runpy.run_path(str(Path(__file__).with_name("slow_solver.py")))


@pytest.mark.parametrize(
    ("alpha", "norm", "error"),
    [
        (5, 1, 0.12434411),
        (5, 10, 0.08404273),
        (5, 100, 0.09190290),
        (20, 31.6228, 0.02205064),
    ],
)
def test_published_values(alpha, norm, error):
    assert THEORY.generalization_error(alpha, norm) == pytest.approx(error, rel=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("flip", [0.0, 0.1])
def test_agrees_with_the_slow_solver_on_random_points(flip):
    rng = np.random.default_rng(20260)
    count = 10 if flip == 0 else 4
    alpha = np.exp(rng.uniform(np.log(0.2), np.log(1000), count))
    norm = np.exp(rng.uniform(np.log(1e-3), np.log(1e3), count))
    found = FixedNormPerceptron(flip).solve(alpha, norm)
    for index in range(count):
        a = np.log(np.tan(np.pi * found.generalization_error[index]))
        start = (a + 0.02, found.log_chi[index] * 1.01 + 0.02)
        exact = SLOW["solve"](alpha[index], norm[index], start, flip)
        assert found.generalization_error[index] == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize("flip", [0.0, 0.05, 0.3])
def test_no_point_fails(flip):
    alpha, norm = np.geomspace(0.2, 1000, 25)[:, None], np.geomspace(1e-3, 1e3, 25)
    found = FixedNormPerceptron(flip).solve(alpha, norm)
    assert found.generalization_error.shape == (25, 25)
    assert set(found.status.ravel()) == {"solved"}
    assert np.all((found.generalization_error > 0) & (found.generalization_error < 0.5))


def test_continuation_finds_what_newton_finds():
    from normlaws.theory.perceptron._saddle import _follow, find

    alpha, norm = np.array([0.3, 5.0, 300.0]), np.array([500.0, 80.0, 1000.0])
    a, b, done = _follow(alpha, norm, 0.0)
    assert done.all()
    np.testing.assert_allclose(np.stack([a, b]), np.stack(find(alpha, norm, 0.0)), rtol=1e-9)


def test_large_norm_tends_to_maximum_stability():
    for alpha in (0.5, 5, 50):
        limit = rule("max-stability").generalization_error(alpha)
        gaps = THEORY.generalization_error(alpha, np.array([1e3, 1e4, 1e5]) * alpha) / limit - 1
        assert np.all(np.diff(np.abs(gaps)) < 0)
        assert abs(gaps[-1]) < 1e-4
    assert THEORY.log_chi(0.5, 5e4) > 1e4


def test_small_norm_tends_to_hebb():
    error = THEORY.generalization_error(5, 1e-8)
    assert error == pytest.approx(rule("hebb").generalization_error(5), rel=1e-7)


def test_beyond_double_precision_says_so():
    with pytest.warns(NormlawsWarning, match="1 of 2 points are beyond double precision"):
        found = THEORY.solve(1e-6, [1.0, 1e6])
    assert found.status.tolist() == ["solved", "beyond precision"]
    assert np.isfinite(found.generalization_error[0])
    assert np.isnan(found.generalization_error[1])
    assert np.isnan(found.train_error[1])


def test_scalars_and_arrays():
    assert np.ndim(THEORY.generalization_error(alpha=5, norm=10)) == 0
    assert THEORY.overlap([[1], [2]], [1, 2, 3]).shape == (2, 3)
    assert THEORY.solve(np.empty(0), 1.0).generalization_error.shape == (0,)


@pytest.mark.parametrize(
    ("alpha", "norm", "message"),
    [
        (0, 1, "expected alpha to be positive and finite, got 0"),
        (np.nan, 1, "expected alpha to be positive and finite, got nan"),
        (5, -2, "expected norm to be positive and finite, got -2"),
        (5, [1, np.inf], "expected norm to be positive and finite, got inf"),
        ("five", 1, "expected alpha to be numbers, got 'five'"),
    ],
)
def test_invalid_points(alpha, norm, message):
    with pytest.raises(InputError, match=message):
        THEORY.generalization_error(alpha, norm)


@pytest.mark.parametrize("flip", [0.5, 0.7, -0.1, np.nan])
def test_invalid_flip_probability(flip):
    with pytest.raises(InputError, match="at least 0 and less than 1/2"):
        FixedNormPerceptron(flip)


def test_best_norm_and_its_error_reach_their_constants():
    alpha = np.array([1e3, 1e4])
    best = THEORY.optimum(alpha)
    np.testing.assert_allclose(best.norm / alpha, 1.767, rtol=2e-4)
    above = best.generalization_error / rule("bayes").generalization_error(alpha) - 1
    np.testing.assert_allclose(above, 6.3e-4, rtol=5e-3)


@BOTH
def test_no_norm_does_better_than_the_best(theory):
    alpha = np.array([0.1, 1.0, 5.0, 100.0])
    best = theory.optimum(alpha)
    for factor in (0.2, 0.97, 1.03, 5.0):
        assert np.all(
            theory.generalization_error(alpha, factor * best.norm) > best.generalization_error
        )


@BOTH
def test_exponents_are_the_slopes(theory):
    alpha, norm, step = np.array([0.4, 5.0, 80.0])[:, None], np.array([0.05, 3.0, 60.0]), 1e-3

    def slope(along_norm):
        def log_error(k):
            scale = np.exp(k * step)
            point = (alpha, norm * scale) if along_norm else (alpha * scale, norm)
            return np.log(theory.generalization_error(*point))

        return (8 * (log_error(1) - log_error(-1)) - log_error(2) + log_error(-2)) / (12 * step)

    found = theory.solve(alpha, norm)
    np.testing.assert_allclose(found.norm_exponent, slope(True), rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.size_exponent, slope(False), rtol=0, atol=1e-9)


def test_early_exponents_are_one_half_in_their_window():
    found = THEORY.solve(1e6, np.geomspace(100, 1e4, 9))
    np.testing.assert_allclose(-found.norm_exponent, 0.5, atol=6e-3)
    np.testing.assert_allclose(-found.size_exponent, 0.5, atol=6e-3)


@BOTH
def test_penalty_is_the_slope_of_the_training_loss(theory):
    norm, step = np.array([0.3, 2.0, 9.0]), 1e-4
    loss = [theory.train_loss(4.0, norm * (1 + k * step)) for k in (-2, -1, 1, 2)]
    slope = (8 * (loss[2] - loss[1]) - loss[3] + loss[0]) / (12 * step * norm)
    np.testing.assert_allclose(-theory.penalty(4.0, norm) * norm, slope, rtol=1e-6)


@BOTH
def test_ridge_inverts_the_penalty(theory):
    norm = np.array([0.01, 1.0, 3.0])
    penalty = theory.penalty(4.0, norm)
    np.testing.assert_allclose(theory.ridge(4.0, penalty).norm, norm, rtol=1e-9)


def test_ridge_that_no_norm_has():
    with pytest.raises(InputError, match="expected a penalty that some norm"):
        THEORY.ridge(5.0, 1e9)


@pytest.mark.parametrize("flip", [0.0, 0.15])
def test_ridge_agrees_with_scikit_learn(flip):
    from sklearn.linear_model import LogisticRegression

    from normlaws.theory.perceptron.problem import problems

    penalty, alpha, dimension = 0.003, 4, 400
    exact = FixedNormPerceptron(flip).ridge(alpha, penalty)
    norms, errors = [], []
    for problem in problems(alpha * dimension, dimension, range(6), flip):
        for sample, seed in enumerate(problem.seeds):
            signs = np.where(np.random.default_rng(seed).random(problem.size) < 0.5, -1, 1)
            x = problem.examples[sample] * signs[:, None]
            inverse = 1 / (penalty * problem.size)
            model = LogisticRegression(C=inverse, fit_intercept=False, tol=1e-8, max_iter=1000)
            weights = model.fit(x, signs).coef_[0]
            norms.append(np.linalg.norm(weights))
            errors.append(problem.generalization_error(np.tile(weights, (len(problem.seeds), 1))))
            errors[-1] = errors[-1][sample]
    for found, wanted in ((norms, exact.norm), (errors, exact.generalization_error)):
        deviation = np.std(found, ddof=1) / np.sqrt(len(found))
        assert abs(np.mean(found) - wanted) < 3 * deviation + 2e-3 * wanted


@BOTH
def test_margins_follow_their_distribution(theory):
    alpha, norm = 3.0, 6.0
    for margin in (-0.3, 0.2, 0.8):
        density = quad(lambda k: float(theory.margin_density(k, alpha, norm)), -8, margin)[0]
        assert theory.margin_cdf(margin, alpha, norm) == pytest.approx(density, abs=1e-7)
    assert theory.margin_cdf(0.0, alpha, norm) == pytest.approx(theory.train_error(alpha, norm))
    assert theory.margin_cdf(50.0, alpha, norm) == pytest.approx(1.0)


@BOTH
def test_losses_agree_with_drawn_margins(theory):
    found = theory.solve(3.0, 4.0)
    rng = np.random.default_rng(3)
    u, z = np.abs(rng.standard_normal(400_000)), rng.standard_normal(400_000)
    sign = np.where(rng.random(400_000) < theory.flip_probability, -1, 1)
    fresh = 4.0 * (sign * found.overlap * u + np.sqrt(1 - found.overlap**2) * z)
    trained = prox(fresh, found.log_chi)
    for loss, drawn in ((found.test_loss, fresh), (found.train_loss, trained)):
        values = np.logaddexp(0, -drawn)
        assert abs(values.mean() - loss) < 4 * values.std() / np.sqrt(values.size)


def test_prox_solves_its_equation():
    x = np.array([-1e4, -30.0, -1.0, 0.0, 1.0, 50.0, 1e4])
    for log_chi in (-40.0, -1.0, 0.0, 5.0, 300.0, 1e5):
        v = prox(x, log_chi)
        with np.errstate(divide="ignore"):
            excess = np.log(v - x) + np.logaddexp(0, v) - log_chi
        seen = v - x > 1e-6 * np.maximum(1, np.abs(x))  # else v − x itself is lost to rounding
        assert np.all(np.abs(excess[seen]) < 1e-6 * max(1, abs(log_chi)))


def test_curves_hold_the_theory_at_the_exact_size():
    curves = THEORY.curves([0.333, 5], [0.1, 1, 10], dimension=100)
    assert curves.sizes == [33, 500]
    assert curves.seeds == []
    assert curves.frame["step"].isna().all()
    small = curves.select(sizes=[33]).frame
    exact = THEORY.solve(0.33, [0.1, 1, 10])
    np.testing.assert_array_equal(small["test_error"], exact.generalization_error)
    np.testing.assert_allclose(np.exp(small["log_frobenius"]), [0.1, 1, 10])
    assert curves.metrics == ["train_error", "train_loss", "test_error", "test_loss"]
    assert curves.runs["settings"][0]["alpha"] == 0.33


def test_curves_of_different_noise_are_different_runs():
    both = nl.Curves.concat(t.curves([1, 2], [1, 2]) for t in (THEORY, NOISY))
    assert len(both.runs) == 4


def test_sizes_that_fall_together():
    with pytest.raises(InputError, match="round to distinct sizes"):
        THEORY.curves([1.0, 1.0001], [1.0], dimension=100)
    with pytest.raises(InputError, match="dimension to be a whole number"):
        THEORY.curves([1.0], [1.0], dimension=2.5)
