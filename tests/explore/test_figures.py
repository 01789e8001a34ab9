"""Figures hold what they are given; linked ones hold it in the same order."""

from __future__ import annotations

from base64 import b64decode

import numpy as np
import pytest

import normlaws as nl
from normlaws.explore import figures, theme
from normlaws.explore.figures.collapse import rescaled_table, spread
from normlaws.explore.lines import lines_of
from normlaws.explore.solved import solve
from normlaws.explore.state import State
from normlaws.laws import Planted, plant
from normlaws.report.style import size_colours

STATE = State(norm="spectral_complexity", metric="test_error")


def changed(**values):
    return State(**STATE.as_dict() | values)


@pytest.fixture(scope="module")
def laws(planted):
    return nl.fit(planted, resamples=0)


@pytest.fixture
def colours(planted):
    return size_colours(planted.sizes)


def of_role(figure, role):
    return [trace for trace in figure.data if trace.meta["role"] == role]


def test_linked_figures_hold_the_same_points_in_the_same_places(planted, laws, colours, checked):
    lines = lines_of(planted, STATE)
    over_norm = checked(figures.error_against_norm(lines, laws, laws.early_window, colours, STATE))
    over_step = checked(figures.error_against_step(lines, colours, STATE))
    for place, line in enumerate(lines):
        left, right = over_norm.data[place], over_step.data[place]
        assert left.meta == right.meta == {"size": line.size, "role": "line", "opacity": 1.0}
        assert left.x == pytest.approx(np.exp(line.log_norm))
        assert left.y.tolist() == right.y.tolist() == line.value.tolist()
        assert left.line.color == right.line.color == colours[line.size]
        assert right.x[1:] == pytest.approx(line.step[1:])
        assert 0 < right.x[0] < right.x[1]  # step 0 has a place on the logarithmic axis


def test_the_windows_edges_are_the_movable_shapes(planted, laws, colours, checked):
    figure = checked(figures.error_against_norm([], laws, (1.0, 2.0), colours, STATE))
    assert [shape.x0 for shape in figure.layout.shapes[1:]] == pytest.approx(np.exp([1.0, 2.0]))


def test_a_norm_beyond_float64_is_shown_as_its_logarithm(colours, checked):
    huge = plant(Planted(log_k2=800.0), sizes=(100, 200), seeds=2, records=9)
    figure = checked(figures.error_against_norm(lines_of(huge, STATE), None, None, colours, STATE))
    assert figure.layout.xaxis.type == "linear"
    assert figure.layout.xaxis.title.text == "ln λ (spectral complexity)"
    assert min(figure.data[0].x) > 700


def test_sizes_outside_the_cut_are_pale(planted, colours, checked):
    state = changed(cut=(200, 800))
    figure = checked(figures.error_against_step(lines_of(planted, state), colours, state))
    pale = {trace.meta["size"] for trace in of_role(figure, "line") if trace.opacity < 1}
    assert pale == {100, 1600}


def test_a_diverged_run_ends_in_a_cross(planted, colours, checked):
    frame, runs = planted.frame.copy(), planted.runs.copy()
    frame.loc[(frame["run"] == "400-0") & (frame["step"] > 9), "test_error"] = np.nan
    runs.loc[runs["run"] == "400-0", "status"] = "diverged"
    lines = lines_of(nl.Curves(frame, runs), STATE)
    (cross,) = of_role(checked(figures.error_against_step(lines, colours, STATE)), "cross")
    assert cross.x == (9.0,)
    assert [list(one) for one in cross.customdata] == [["seed 0", "9"]]
    assert "diverged after step" in cross.hovertemplate


def test_the_forecast_is_the_laws_own(planted, laws, colours, checked):
    state = changed(target=0.005)
    ahead, needed = laws.forecast([12800])[0], laws.size_for_error(0.005)
    outside = laws.sizes[:1].assign(size=50)
    figure = checked(
        figures.error_against_size(laws, outside, ahead, needed, planted.sizes, colours, state)
    )
    assert of_role(figure, "forecast")[0].y == (ahead.error.value,)
    assert of_role(figure, "outside")[0].x.tolist() == [50]
    assert of_role(figure, "needed")[0].x == (needed.value,)
    norm = checked(figures.norm_against_size(laws, outside, ahead, planted.sizes, colours, state))
    assert of_role(norm, "forecast")[0].y[0] == pytest.approx(np.exp(ahead.log_norm.value))


def test_rescaling_by_the_optima_has_the_collapse_of_the_laws(laws):
    assert spread(laws, STATE) <= 1.05 * laws.collapse  # aligned by the whole turn
    at_best = rescaled_table(laws, STATE).groupby("size")["rescaled_error"].min()
    assert at_best.to_numpy() == pytest.approx(1, abs=0.05)


def test_the_planted_exponents_collapse_the_curves_and_others_do_not():
    exact = nl.fit(plant(Planted(gamma1=0.5, gamma2=1.2), seeds=0), resamples=0)
    right = changed(rescale="exponents", gammas=(0.0, 0.5, 1.2))
    wrong = changed(rescale="exponents", gammas=(0.0, 0.5, 0.8))
    assert spread(exact, right) < 1.1 * spread(exact, changed(rescale="exponents"))
    assert spread(exact, wrong) > 5 * spread(exact, right)
    curves = rescaled_table(exact, right)
    middle = curves[curves["log_rescaled_norm"].abs() < 0.5]
    law = Planted(gamma1=0.5, gamma2=1.2)
    expected = np.exp(law.log_error(middle["log_rescaled_norm"].to_numpy(), 1.0))
    assert middle["rescaled_error"].to_numpy() == pytest.approx(expected, rel=0.02)


def test_zoom_is_that_of_the_state(laws, colours, checked):
    figure = checked(
        figures.rescaled(laws, colours, changed(zoom=(("collapse", 0.0, 1.0, -1.0, 0.5),)))
    )
    assert (figure.layout.xaxis.range, figure.layout.yaxis.range) == ((0.0, 1.0), (-1.0, 0.5))


def test_the_perceptron_is_that_of_the_theory(checked):
    theory = nl.theory.FixedNormPerceptron()
    solved = solve(5.0, 10.0)
    assert solved.error == theory.generalization_error(5.0, 10.0)
    assert solved.overlap == theory.overlap(5.0, 10.0)
    assert solved.best_norm == theory.optimum(5.0).norm
    assert solved.rules["bayes"] == pytest.approx(0.08393517, abs=1e-7)
    figure = checked(figures.perceptron(solved, changed(alpha=5.0, radius=10.0)))
    assert {trace.y[0] for trace in of_role(figure, "rule")} == set(solved.rules.values())
    best, current = of_role(figure, "point")
    assert (best.x[0], current.y[0]) == (solved.best_norm, solved.error)


def test_a_point_beyond_precision_is_no_point():
    assert np.isnan(solve(0.1, 9999.0).error) or 0 < solve(0.1, 9999.0).error < 0.5


def test_colours_may_be_seen_through():
    assert theme.see_through("#ff8000", 0.2) == "rgba(255,128,0,0.2)"


def test_runs_of_one_size_are_one_trace_with_gaps(planted, colours, checked):
    """A browser takes its time for each trace."""
    state = changed(runs="single")
    lines = lines_of(planted, state)
    figure = checked(figures.error_against_step(lines, colours, state))
    traces = of_role(figure, "line")
    assert [trace.meta["size"] for trace in traces] == planted.sizes
    for trace in traces:
        mine = [line for line in lines if line.size == trace.meta["size"]]
        assert len(mine) == 3
        ends = np.flatnonzero(np.isnan(trace.y))
        parts = np.split(trace.y, ends)
        for line, part in zip(mine, parts, strict=True):
            assert part[np.isfinite(part)] == pytest.approx(line.value)
        said = trace.customdata[np.isfinite(trace.y)]
        assert sorted(set(said[:, 2])) == [line.seed for line in mine]
        assert said[:, 1] == pytest.approx(np.exp(np.concatenate([one.log_norm for one in mine])))
        assert "seed %{customdata[2]:d}" in trace.hovertemplate


def test_what_is_sent_are_the_doubles(planted, colours):
    figure = figures.error_against_step(lines_of(planted, STATE), colours, STATE)
    for trace, sent in zip(figure.data, figure.to_plotly_json()["data"], strict=True):
        assert sent["type"] == "scatter"
        for name in ("y", "customdata"):
            if name in trace and len(trace[name]):
                values = np.frombuffer(b64decode(sent[name]["bdata"]))
                assert sent[name]["dtype"] == "f8"
                np.testing.assert_array_equal(values, np.ravel(trace[name]))
