"""The comparison, what the fit reads in it, and its figures."""

from __future__ import annotations

import numpy as np
import pytest

import normlaws as nl
from normlaws.report.solved import perceptron_figures as figures
from normlaws.theory import Descent, FixedNormPerceptron, study


@pytest.fixture(scope="module")
def comparison():
    descent = Descent("normalized-gd", 0.2, steps=100, records=12)
    norms = np.geomspace(0.1, 30, 12)
    return study([1, 2, 4], dimension=40, samples=3, norms=norms, descent=descent)


def test_all_three_are_curves_of_the_same_sizes(comparison):
    for curves in (comparison.theory, comparison.fixed_norm, comparison.descent):
        assert curves.sizes == [40, 80, 160]
        assert curves.norms == ["frobenius"]
    assert comparison.theory.seeds == []
    assert comparison.fixed_norm.seeds == comparison.descent.seeds == [0, 1, 2]
    assert len(comparison.curves.runs) == 3 + 9 + 9


def test_curves_survive_the_disk(comparison, tmp_path):
    comparison.curves.write(tmp_path / "study")
    again = nl.Curves.read(tmp_path / "study")
    assert len(again) == len(comparison.curves)
    assert sorted(again.runs["run"]) == sorted(comparison.curves.runs["run"])


@pytest.mark.parametrize("part", ["theory", "fixed_norm", "descent"])
def test_the_fit_reads_all_three_alike(comparison, part):
    laws = nl.fit(getattr(comparison, part), norm="frobenius", resamples=50)
    assert 0.4 < laws.gamma.value < 1.2
    assert 0.4 < laws.gamma2.value < 1.5
    assert (laws.gamma.low is None) == (part == "theory")


@pytest.mark.parametrize("lowest", [20, 100])
def test_fit_recovers_the_exponents_of_theory(lowest):
    """γ2 and γ within 1 %; γ1 and γ0 within the exact local exponents over the fitted window."""
    theory = FixedNormPerceptron()
    alpha = np.geomspace(lowest, 10 * lowest, 7)
    laws = nl.fit(theory.curves(alpha, np.geomspace(0.03, 1000 * lowest, 161)), norm="frobenius")
    assert laws.gamma2.value == pytest.approx(1, abs=0.01)
    assert laws.gamma.value == pytest.approx(1, abs=0.01)
    assert laws.early_window is not None
    local = theory.solve(alpha[:, None], np.exp(np.linspace(*laws.early_window, 41)))
    inside = np.log(local.norm) < np.log(theory.optimum(alpha).norm)[:, None]
    gamma1, gamma0 = -local.norm_exponent[inside], -local.size_exponent[inside]
    assert gamma1.min() < laws.gamma1.value < gamma1.max()
    assert gamma0.min() < laws.gamma0.value < gamma0.max()
    assert laws.gamma1.value == pytest.approx(0.5, abs=0.08)
    assert laws.gamma0.value == pytest.approx(0.5, abs=0.08)


def test_figures_hold_what_they_say(comparison):
    ax = figures.error_against_norm(comparison, 80)
    labels = ax.get_legend_handles_labels()[1]
    assert {"theory", "descent", "fixed norm, N = 40"} <= set(labels)
    assert {text.get_text() for text in ax.texts} == {"hebb", "gibbs", "bayes", "max-stability"}
    given = figures.collapse(comparison, further=(100,)).figure.add_subplot()
    assert figures.collapse(comparison, further=(100,), ax=given) is given
    for drawn in (figures.local_exponents(), figures.optimum_exponents()):
        assert drawn.get_xlabel()
        assert all(np.isfinite(line.get_ydata()).all() for line in drawn.get_lines())
