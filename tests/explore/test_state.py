"""A state survives an address, and an address can do no harm."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normlaws.explore.callbacks.controls import cut_dragged, window_dragged
from normlaws.explore.state import ALPHAS, NORMS, State, from_dict, from_query, start, suited

SIZES = [100, 200, 400, 800, 1600]
NUMBERS = st.integers(1, 10**6).map(lambda n: n / 1000)
SPANS = st.tuples(NUMBERS, NUMBERS).filter(lambda s: s[0] < s[1])
STATES = st.builds(
    State,
    tab=st.sampled_from(["study", "theory"]),
    norm=st.just("spectral_complexity"),
    metric=st.just("test_error"),
    runs=st.sampled_from(["mean", "single"]),
    seeds=st.sampled_from([None, (0,), (1, 2)]),
    hidden=st.sets(st.sampled_from(SIZES)).map(lambda s: tuple(sorted(s))),
    cut=st.sampled_from([None, (100, 400), (800, 800)]),
    window=st.none() | SPANS,
    size=st.none() | NUMBERS.map(lambda n: n + 1),
    target=st.none() | NUMBERS,
    rescale=st.sampled_from(["optimum", "exponents"]),
    gammas=st.none() | st.tuples(NUMBERS, NUMBERS, NUMBERS),
    alpha=st.floats(*ALPHAS).map(lambda n: round(n, 4)),
    radius=st.floats(*NORMS).map(lambda n: round(n, 4)),
    zoom=st.just(()) | st.just((("norm", 0.5, 1.0, -2.0, -1.0), ("theory", 0.0, 1.0, 2.0, 3.0))),
)


@settings(max_examples=60, deadline=None)
@given(STATES)
def test_an_address_brings_the_state_back(planted, state):
    # an address carries six digits
    assert from_query(state.query(), planted) == from_query(
        from_query(state.query(), planted).query(), planted
    )
    back = from_query(state.query(), planted)
    for name, value in state.as_dict().items():
        if isinstance(value, float):
            assert getattr(back, name) == pytest.approx(value, rel=1e-5)
        elif name not in ("window", "gammas"):
            assert getattr(back, name) == value


def test_a_store_of_the_page_brings_the_state_back():
    state = State(cut=(100, 400), zoom=(("norm", 0.0, 1.0, 2.0, 3.0),))
    stored = state.as_dict() | {"cut": [100, 400], "zoom": [["norm", 0.0, 1.0, 2.0, 3.0]]}
    assert from_dict(stored) == state


@pytest.mark.parametrize(
    "query",
    [
        "?norm=__import__('os')&metric=nothing",
        "?window=5,1&size=-3&alpha=0&target=nan&gammas=1,2",
        "?seeds=99&hidden=7&cut=1,2&zoom=nowhere,1,2,3,4;norm,1,2&tab=admin&unknown=1",
        "?cut=100&runs=&window=a,b&size=inf&zoom=",
    ],
)
def test_what_an_address_asks_for_in_vain_is_left_out(planted, query):
    assert from_query(query, planted) == start(planted)


def test_a_cut_and_seeds_that_leave_out_nothing_are_no_choice(planted):
    state = suited(State(cut=(50, 9999), seeds=(0, 1, 2)), planted)
    assert (state.cut, state.seeds) == (None, None)
    assert suited(State(cut=(150, 900)), planted).cut == (200, 800)


def test_zoom_is_dropped_where_the_axes_change():
    state = State(norm="frobenius", metric="test_error")
    other = State(norm="l1", metric="test_error")
    assert state.zoom_of("norm") != other.zoom_of("norm")
    assert state.zoom_of("step") == other.zoom_of("step")
    assert state.zoom_of("theory") == other.zoom_of("theory")


def test_an_edge_dragged_in_a_figure_moves_the_window():
    shown = {"window": [1.0, 3.0], "as_norm": True}
    assert window_dragged({"shapes[1].x0": 4.0}, shown) == [1.39, 3.0]
    assert window_dragged({"shapes[2].x0": 1.5}, shown) == [0.41, 1.0]  # past the other edge
    assert window_dragged({"shapes[1].x0": -1.0}, shown) is None
    assert window_dragged({"xaxis.range[0]": 4.0}, shown) is None
    assert window_dragged({"shapes[2].x0": 900.0}, shown | {"as_norm": False}) == [1.0, 900.0]


def test_an_edge_dragged_in_a_figure_moves_the_cut():
    assert cut_dragged({"shapes[0].x0": 150.0}, SIZES, None) == [1, 4]
    assert cut_dragged({"shapes[3].x0": 500.0}, SIZES, [200, 1600]) == [1, 2]
    assert cut_dragged({"shapes[2].x0": 50.0}, SIZES, [200, 1600]) == [0, 4]
    assert cut_dragged({"autosize": True}, SIZES, None) is None
