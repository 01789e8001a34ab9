"""One suite for every rule: limits, order, and its own algorithm."""

from __future__ import annotations

import numpy as np
import pytest

from normlaws.errors import InputError
from normlaws.theory import RULES, rule
from normlaws.theory.perceptron.problem import problems
from normlaws.theory.perceptron.rules import Trainable

TRAINABLE = [name for name in RULES if issubclass(RULES[name], Trainable)]
ASYMPTOTES = {
    "hebb": (0.5, 0.39894, 1e-4),
    "pseudo-inverse": (0.5, np.sqrt(np.pi / 2 - 1) / np.pi, 1e-4),
    "max-stability": (1, 0.5005, 1e-4),
    "adatron": (1, 0.5005, 1e-4),
    "gibbs": (1, 0.6246, 1.5e-4),
    "bayes": (1, 0.4417, 1e-4),
    "perceptron": (1 / 3, (2 / 3) ** (1 / 3) / np.pi, 1e-3),
}


@pytest.mark.parametrize("name", RULES)
def test_asymptote(name):
    power, constant, accuracy = ASYMPTOTES[name]
    error = rule(name).generalization_error(1e5)
    assert error * 1e5**power == pytest.approx(constant, rel=accuracy)


@pytest.mark.parametrize(
    ("name", "error"),
    [("hebb", 0.16261440), ("bayes", 0.08393517), ("max-stability", 0.09382701)],
)
def test_published_values_at_alpha_5(name, error):
    assert rule(name).generalization_error(5) == pytest.approx(error, rel=1e-7)


@pytest.mark.parametrize("flip", [0.0, 0.2])
@pytest.mark.parametrize("name", RULES)
def test_error_is_that_of_the_overlap_and_no_less_than_bayes(name, flip):
    alpha = np.geomspace(0.05, 100, 12)
    error, overlap = rule(name, flip).generalization_error(alpha), rule(name, flip).overlap(alpha)
    defined = np.isfinite(error)
    np.testing.assert_allclose(np.cos(np.pi * error), overlap, atol=1e-12)
    bayes = rule("bayes", flip).generalization_error(alpha)
    assert np.all(error[defined] >= bayes[defined] * (1 - 1e-12))
    assert defined.any()


@pytest.mark.parametrize("name", [name for name in RULES if name != "pseudo-inverse"])
def test_more_examples_mean_less_error(name):
    assert np.all(np.diff(rule(name).generalization_error(np.geomspace(1e-3, 1e4, 30))) < 0)


@pytest.mark.parametrize("name", RULES)
def test_noise_means_more_error(name):
    alpha = 0.5
    errors = [rule(name, flip).generalization_error(alpha) for flip in (0.0, 0.1, 0.2)]
    assert np.all(np.diff(errors) > 0)


@pytest.mark.parametrize(("alpha", "flip"), [(0.5, 0.0), (2.0, 0.0), (0.5, 0.1)])
@pytest.mark.parametrize("name", TRAINABLE)
def test_algorithm_agrees_with_theory(name, alpha, flip):
    dimension = 40 if name == "adatron" else 200
    found = []
    for problem in problems(round(alpha * dimension), dimension, range(10), flip):
        labels = np.ones(problem.size)
        weights = [rule(name, flip).train(x, labels) for x in problem.examples]
        found.extend(problem.generalization_error(np.array(weights)))
    deviation = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - rule(name, flip).generalization_error(alpha)) < 3 * deviation


def test_textbook_formula_of_the_pseudo_inverse():
    below, above = np.array([0.2, 0.7]), np.array([1.5, 8.0])
    solved = rule("pseudo-inverse")
    wanted = np.sqrt(2 * below * (1 - below) / (np.pi - 2 * below))
    np.testing.assert_allclose(solved.overlap(below), wanted)
    wanted = np.sqrt(2 * (above - 1) / (np.pi + 2 * above - 4))
    np.testing.assert_allclose(solved.overlap(above), wanted)
    assert solved.generalization_error(1.0) == 0.5


def test_adatron_reaches_maximum_stability():
    (problem,) = problems(60, 40, [0])
    labels = np.ones(60)
    exact = rule("max-stability").train(problem.examples[0], labels)
    learned = rule("adatron").train(problem.examples[0], labels)
    np.testing.assert_allclose(learned, exact, atol=1e-5)
    assert np.min(problem.examples[0] @ exact) == pytest.approx(1.0)


def test_maximum_stability_of_what_cannot_be_separated():
    examples = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(InputError, match="that some student separates"):
        rule("max-stability").train(examples, np.ones(3))
    assert np.isnan(rule("max-stability", 0.1).generalization_error(20.0))


def test_unknown_rule_lists_the_known():
    with pytest.raises(InputError, match=r"expected a rule hebb, .* or perceptron, got 'svm'"):
        rule("svm")


def test_bad_examples():
    with pytest.raises(InputError, match="P labels that are -1 or 1"):
        rule("hebb").train(np.ones((3, 2)), [1, 0, 1])
    with pytest.raises(InputError, match="less than 1/2"):
        rule("hebb", 0.5)
    with pytest.raises(InputError, match="expected alpha to be positive"):
        rule("bayes").overlap(-1.0)
