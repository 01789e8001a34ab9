"""Findings and grade: on families of curves that do not have the form of the fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import normlaws as nl
from normlaws.curves import Curves
from normlaws.laws.clocks import clock_sentence
from normlaws.laws.data.counting import counting_noise, examples_of
from normlaws.laws.findings.questions import findings
from normlaws.laws.plant import FAMILIES, Planted, draw, plant

NAMES = {
    "common_early_curve",
    "power_law",
    "collapse",
    "late_law",
    "no_dependence_on_size",
    "laws_meet",
}


@pytest.mark.parametrize("family", ["exponential_turn", "corner_at_chance", "levelling"])
def test_laws_of_another_form_are_established(family):
    study = draw(family, 1)
    laws = nl.fit(study.curves, resamples=60)
    assert laws.verdict.grade == "established"
    assert "laws_hold" in laws.verdict.codes
    assert laws.gamma1.value == pytest.approx(study.truth["gamma1"], rel=0.06)
    assert laws.gamma2.value == pytest.approx(study.truth["gamma2"], rel=0.08)


@pytest.mark.parametrize(
    "family", ["fan", "only_time", "wild_optimum", "bent", "drifting_exponent"]
)
def test_laws_are_not_established_where_they_do_not_hold(family):
    verdict = nl.fit(draw(family, 2).curves, resamples=60).verdict
    assert verdict.grade != "established"
    assert not {"laws_hold"} & set(verdict.codes)


def test_where_the_joint_fit_turns_elsewhere_meeting_is_not_judged():
    """Nor does the rejected fit give a plateau, deviations, or a figure in words."""
    samples = nl.fit(draw("parabola", 3).curves, resamples=40).samples
    moved = replace(samples, minima=4 * samples.minima)
    assert moved.deviations is None
    np.testing.assert_array_equal(moved.direct_slope, samples.direct[:, 1])
    answers = {one.name: one for one in findings(moved)}
    assert answers["laws_meet"].grade == "undecided"
    assert "turns elsewhere" in answers["laws_meet"].says
    assert "window by hand" in answers["laws_meet"].next_step
    assert not any("nan" in one.says for one in answers.values())


def test_a_direct_exponent_freed_of_the_plateau_is_said():
    """Where the quoted one is another, which the reader would compare with."""
    near_chance, far = (plant(Planted(plateau=0.9, log_k=log_k)) for log_k in (2.5, 0.5))
    laws = nl.fit(near_chance, resamples=40)
    meet = laws.verdict.findings[-1]
    assert "the direct γ, which is 0.49 without the plateau at chance." in meet.says
    assert meet.figure_means == (
        "γ0 + γ1·γ2 less the γ without the plateau at chance (0.49), over that"
    )
    assert laws.difference.low < 0 < laws.difference.value, "where γ0 + γ1·γ2 meets that γ"
    meet = nl.fit(far, resamples=40).verdict.findings[-1]
    assert meet.says.endswith("the direct γ.")
    assert meet.figure_means == "γ0 + γ1·γ2 less the direct γ, over γ"


def test_a_shift_with_size_is_the_generalised_form():
    verdict = nl.fit(draw("shifted", 3).curves, resamples=60).verdict
    assert "laws_hold_shifted" in verdict.codes
    assert "laws_hold" not in verdict.codes


def test_findings_are_unchanged_under_a_power_of_the_norm():
    curves = draw("parabola", 3).curves
    frame = curves.frame.copy()
    frame["log_spectral_complexity"] *= 3.0
    one, other = nl.fit(curves, resamples=40), nl.fit(Curves(frame, curves.runs), resamples=40)
    assert {each.name for each in one.verdict.findings} == NAMES
    for mine, yours in zip(one.verdict.findings, other.verdict.findings, strict=True):
        assert mine.grade == yours.grade
        assert mine.figure == pytest.approx(yours.figure, rel=0.02, abs=0.01)


def test_json_holds_grade_and_findings():
    found = nl.fit(plant(sizes=[100, 200, 400, 800]), resamples=30).as_dict()
    assert found["grade"] in {"established", "contradicted", "undecided"}
    assert {one["name"] for one in found["findings"]} == NAMES


def test_counting_noise_has_the_variance_of_a_count():
    error = np.log([0.3, 0.05])
    noise = counting_noise(error, 1000, 20_000, np.random.default_rng(0))
    expected = np.sqrt((1 - np.exp(error)) / (1000 * np.exp(error)))
    np.testing.assert_allclose(noise.std(axis=0), expected, rtol=0.05)
    covariance = np.cov(noise.T)[0, 1]
    assert covariance == pytest.approx((1 / 0.3 - 1) / 1000, rel=0.1)


def test_the_size_of_a_test_set_is_read_from_counts():
    study = draw("small_test_set", 0)
    n = examples_of(study.curves, "test_error")
    assert n is not None
    counts = study.curves.frame["test_error"] * n
    np.testing.assert_allclose(counts, counts.round(), atol=1e-6)
    assert examples_of(plant(), "test_error") is None


def test_clocks_put_the_fitted_norm_first_and_say_one_sentence():
    laws = nl.fit(draw("parabola", 1).curves, resamples=0)
    table = laws.clocks()
    assert table["clock"].iloc[0] == "spectral_complexity"
    assert "step" in set(table["clock"])
    assert clock_sentence(table).endswith(".")


def test_the_same_generator_draws_the_same_study():
    for family in list(FAMILIES)[::4]:
        one, other = draw(family, 5), draw(family, 5)
        assert one.curves.frame.equals(other.curves.frame)


def test_families_draw_curves_of_their_sizes():
    for family in list(FAMILIES)[1::3]:
        frame = draw(family, 6).curves.frame
        assert frame["size"].nunique() >= 3
        assert frame["test_error"].between(0, 1).all()
