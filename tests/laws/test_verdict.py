"""Every way in which data fall short is called by its name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import normlaws as nl
from normlaws.curves import Curves
from normlaws.display.numbers import percent
from normlaws.errors import InputError
from normlaws.laws.estimators import resampled_fit
from normlaws.laws.findings import questions
from normlaws.laws.planning.needs import needs
from normlaws.laws.plant import Planted, draw, plant


def codes(curves, **options):
    return set(nl.fit(curves, resamples=60, **options).verdict.codes)


NULLS = {
    "slopes that depend on P": (Planted(early_spread=0.15), {}, {"no_common_early_curve"}),
    "saturation": (Planted(rise=0.0), {"past": 4.0}, {"no_optimum", "optima_censored"}),
    "still falling": (Planted(rise=-0.1), {}, {"no_optimum", "optima_censored"}),
    "censored everywhere": (Planted(), {"past": -0.5}, {"optima_censored"}),
    "nothing gained from data": (
        Planted(gamma1=1e-3, gamma2=1e-3, rise=0.0),
        {},
        {"error_does_not_fall"},
    ),
}


@pytest.mark.parametrize("kind", NULLS)
def test_null_cases_are_called_so(kind):
    law, how, wanted = NULLS[kind]
    found = [codes(plant(law, generator=i, **how)) for i in range(3)]
    assert sum(bool(wanted & each) for each in found) >= 2
    assert not any("laws_hold" in each for each in found)


def test_too_few_sizes_say_which_to_run():
    verdict = nl.fit(plant(sizes=[100, 200, 400]), resamples=20).verdict
    assert "too_few_sizes" in verdict.codes
    assert "P = 800" in " ".join(verdict.next_steps)


def test_too_few_seeds_and_lost_runs_are_named():
    curves = plant(seeds=2)
    runs = curves.runs.copy()
    runs.loc[0, "status"] = "diverged"
    found = nl.fit(Curves(curves.frame, runs), resamples=20)
    assert {"too_few_seeds", "runs_left_out"} <= set(found.verdict.codes)
    assert not found.optima["used"].iloc[0]
    assert str(found.verdict) == found.verdict.text


def test_norm_that_falls_is_named():
    curves = plant(sizes=[100, 200, 400, 800])
    frame = curves.frame.copy()
    x = frame["log_spectral_complexity"]
    frame["log_spectral_complexity"] = np.where(np.arange(len(x)) % 2, x - 3.0, x)
    assert "norm_not_monotone" in codes(Curves(frame))


def test_shifted_early_curves_are_named():
    assert "early_curves_depend_on_size" in codes(plant(Planted(gamma0=0.2)))
    assert "early_curves_depend_on_size" not in codes(plant())


def test_one_size_or_no_usable_run_is_an_input_error():
    with pytest.raises(InputError, match="two or more training-set sizes"):
        nl.fit(plant(sizes=[100]))
    empty = pd.DataFrame(
        {"run": ["a", "b"], "size": [1, 2], "seed": 0, "step": 0, "log_n": 0.0, "test_error": 0.5}
    )
    with pytest.raises(InputError, match="got 0"):
        nl.fit(Curves(empty), norm="n")


def test_laws_are_not_held_against_each_other_without_optima():
    """Runs that all stop at one norm have γ2 near 0, which does not contradict the direct law."""
    curves = plant(sizes=[100, 200, 400, 800, 1600, 3200])
    cut = curves.frame["log_spectral_complexity"].quantile(0.6)
    early = Curves(curves.frame[curves.frame["log_spectral_complexity"] < cut], curves.runs)
    verdict = nl.fit(early, resamples=60).verdict
    assert {"optima_censored", "no_optimum"} & set(verdict.codes)
    (meet,) = [one for one in verdict.findings if one.name == "laws_meet"]
    assert meet.grade == "undecided"
    assert meet.figure.high < meet.contradicted[0]
    assert "not an optimum's" in meet.says
    assert meet.next_step in verdict.next_steps


def fit_near_chance(family, seed):
    """A fit of a drawn study that holds the laws and hardly leaves the plateau before it turns."""
    study = draw(family, seed, near_chance=True)
    assert study.holds == "yes"
    return nl.fit(study.curves, resamples=100, seed=seed)


def finding(laws, name):
    (found,) = [one for one in laws.verdict.findings if one.name == name]
    return found


def test_an_early_law_that_no_curve_follows_is_said_to_be_extrapolated():
    laws = fit_near_chance("small_test_set", 240_005)
    assert laws.samples.steepest < resampled_fit.STEEP
    assert "early_law_extrapolated" in laws.verdict.codes
    assert f"at most with {percent(laws.samples.steepest)} of γ1" in laws.verdict.text
    assert any("several times below chance" in step for step in laws.verdict.next_steps)
    free = finding(laws, "no_dependence_on_size")
    assert free.figure.high < free.contradicted[0]
    assert free.grade == "undecided"
    assert "decides nothing" in free.says
    assert free.unsettled
    assert any(need.instead for need in needs(laws) if need.finding is free)


def test_without_that_rule_the_study_would_be_contradicted_wrongly(monkeypatch):
    monkeypatch.setattr(resampled_fit, "STEEP", -1.0)
    assert fit_near_chance("small_test_set", 240_005).verdict.grade == "contradicted"


def test_noise_alone_does_not_part_curves_that_start_down_one(monkeypatch):
    """Errors wander by more than a tenth of so small a fall, on the plateau already."""
    common = finding(fit_near_chance("drifting", 240_010), "common_early_curve")
    assert common.figure.value < common.contradicted[0] < common.figure.high
    assert common.grade == "undecided"
    monkeypatch.setattr(questions, "NOISE", 0.0)
    assert fit_near_chance("drifting", 240_010).verdict.grade == "contradicted"


def test_turns_on_the_plateau_have_no_width_of_their_own(monkeypatch):
    collapse = finding(fit_near_chance("exponential_turn", 240_041), "collapse")
    assert collapse.figure_means.startswith("width of the turn")
    assert collapse.grade == "undecided"
    assert "turn on the plateau, so this decides nothing" in collapse.says
    monkeypatch.setattr(resampled_fit, "STEEP", -1.0)
    assert fit_near_chance("exponential_turn", 240_041).verdict.grade == "contradicted"


def test_a_joint_fit_that_turns_elsewhere_decides_nothing():
    laws = fit_near_chance("exponential_turn", 240_050)
    assert laws.samples.joint_turns_elsewhere
    for name in ("power_law", "no_dependence_on_size"):
        assert finding(laws, name).unsettled
        assert "turns elsewhere than their optima" in finding(laws, name).says
    free = finding(laws, "no_dependence_on_size")
    assert free.figure.high < free.contradicted[0]


def test_a_finding_that_no_interval_would_settle_is_not_said_to_want_a_narrower_one():
    laws = nl.fit(draw("saturating", 71_001).curves, resamples=60)
    meet = finding(laws, "laws_meet")
    assert meet.unsettled
    assert meet.established[0] <= meet.figure.value <= meet.established[1]
    assert "no_optimum" in laws.verdict.codes
    assert "too wide an interval" not in laws.verdict.text


def test_curves_that_fall_far_below_chance_follow_their_early_law():
    laws = nl.fit(plant(Planted(plateau=0.9, log_k=2.5)), resamples=0)
    assert laws.samples.steepest > 0.9
    assert "early_law_extrapolated" not in laws.verdict.codes


def test_the_late_law_is_not_contradicted_by_where_training_ended():
    """Every run stops early, the larger sizes at smaller norms: γ2 is below zero."""
    curves = plant(sizes=[100, 200, 400, 800, 1600, 3200])
    log_norm = curves.frame["log_spectral_complexity"]
    end = log_norm.quantile(0.5) - 0.3 * np.log2(curves.frame["size"] / 100)
    verdict = nl.fit(Curves(curves.frame[log_norm < end], curves.runs), resamples=60).verdict
    assert "optima_censored" in verdict.codes
    (late,) = [one for one in verdict.findings if one.name == "late_law"]
    assert late.grade == "undecided"
    assert "not an optimum's" in late.says
    assert "late_law_fails" not in verdict.codes
