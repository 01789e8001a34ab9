"""Tabs of solvable models: their numbers are the theory's, and their parameters stay in range."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from normlaws.explore.figures import model_figure
from normlaws.explore.models import KNOBS, MODELS, shown, suited_knobs
from normlaws.explore.state import MODEL_FIGURES, State, from_query, suited
from normlaws.theory import (
    DiagonalNetwork,
    InContextRegression,
    RandomFeatures,
    SoftCommittee,
    SparseAttention,
    solved_studies,
)


def lines(solved, plot):
    return {one.name: one for one in solved.plots[plot].lines}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_drawn(name, checked):
    assert name in solved_studies()
    solved = shown(name, ())
    for figure, plot in zip(MODEL_FIGURES, solved.plots, strict=True):
        drawn = checked(model_figure(figure, plot, State(tab=name)))
        assert len(drawn.data) == len(plot.lines) + (plot.field is not None)
        table = plot.table()
        assert np.isfinite(table[["x", "y"]].to_numpy()).all()
        assert set(table["line"]) >= {line.name for line in plot.lines}
    assert all(text for _, text in solved.values)


def test_numbers_are_those_of_the_theory():
    features = lines(shown("random-features", (("random-features.size", 1e4),)), 0)
    best = RandomFeatures(1.5, 1.5).optimum([100, 1000, 10_000])
    np.testing.assert_array_equal(features["optima"].x, best.norm)
    committee = lines(shown("committee", (("committee.alpha", 20.0),)), 1)
    end = SoftCommittee(2, 2, 4, 1.0, 0.5, "erf", 0.01, 0.001).solve(20.0)
    assert committee["erf units"].x[-1] == pytest.approx(end.norm, rel=1e-8)
    attention = lines(shown("sparse-attention", (("sparse-attention.length", 64.0),)), 0)
    assert attention["L = 0.1"].x[0] == SparseAttention(64, 64).plateau()
    context = lines(shown("in-context", ()), 0)
    assert context["infimum"].y[0] == InContextRegression(5, 40, 0.1).infimum()
    diagonal = lines(shown("diagonal-network", (("diagonal-network.size", 20.0),)), 1)
    frame = DiagonalNetwork(0.1).curves([20], 60, 3, seeds=1).frame
    np.testing.assert_array_equal(diagonal["|β|"].x, np.exp(frame["log_frobenius"]))


def test_the_regimes_of_random_features():
    easy = dict(shown("random-features", (("random-features.a", 4.0),)).values)
    assert easy["regime"] == "easy target"
    assert easy["γ₁"] == "no law"
    clean = shown(
        "random-features",
        (("random-features.a", 2.0), ("random-features.noise", 0.0), ("random-features.size", 1e3)),
    )
    assert dict(clean.values)["best time at P"] == "no optimum"
    assert "a = b: no optimum beyond" in lines(clean, 1)


def test_parameters_stay_within_their_ranges():
    given = (("random-features.a", 1e9), ("committee.students", 1.6), ("nothing.at", 1.0))
    assert suited_knobs(given) == (("random-features.a", 5.0),)
    for knob in KNOBS.values():
        for value in (knob.low, knob.value, knob.high):
            assert knob.within(value) == value
            assert knob.at(knob.place(value)) == pytest.approx(value, rel=5e-3)


def test_an_address_keeps_the_parameters(planted):
    state = State(tab="committee", knobs=(("committee.beta", 2.5),))
    assert from_query(state.query(), planted).knobs == state.knobs
    assert from_query("?tab=nothing&knobs=a,b;committee.beta,x", planted).tab == "study"
    assert suited(State(knobs=(("x", 1.0),)), planted).knobs == ()


@pytest.mark.slow
def test_a_tab_follows_its_parameters(window, address):
    window.goto(address + "?tab=random-features")
    values = window.locator("#model-values")
    expect(values).to_contain_text("noisy")
    expect(window.locator("#figure-model .trace").first).to_be_attached()
    field = window.get_by_label("a, exponent of the target")
    field.first.fill("4")
    expect(values).to_contain_text("easy target")
    window.wait_for_url("**knobs=random-features.a,4**")
    window.get_by_text("Sparse attention", exact=True).first.click()
    expect(values).to_contain_text("its law")
    assert window.evaluate("() => document.documentElement.scrollWidth") <= 1440
