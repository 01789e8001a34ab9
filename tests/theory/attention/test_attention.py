"""Sparse attention against given values, the flow of all scores, and training itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from normlaws.errors import InputError, NormlawsWarning
from normlaws.theory import SparseAttention, simulate_attention


def full_flow(length, dimension, repeated, shared, time):
    """Gradient flow of every score and of a diagonal W, by finite differences of the loss.

    The loss is written for arbitrary scores: the relevant token stands at the first B positions.
    """
    first = shared + (1 - shared) / dimension
    weights = np.full(dimension, (1 - shared) / dimension)
    weights[0] = first

    def loss(state):
        matrix, scores = state[:dimension], state[dimension:]
        share = np.exp(scores) / np.exp(scores).sum()
        attention = share[:repeated].sum()
        noise = np.sum(share[repeated:] ** 2) * np.sum(matrix**2) / dimension
        return 0.5 * (noise + np.sum(weights * (attention * matrix - 1) ** 2))

    def speed(_, state):
        steps = 1e-6 * np.eye(len(state))
        return np.array([(loss(state - step) - loss(state + step)) / 2e-6 for step in steps])

    start = np.zeros(dimension + length)
    return solve_ivp(speed, (0, time), start, rtol=1e-7, atol=1e-9).y[:, -1]


@pytest.mark.parametrize(
    ("model", "time"),
    [
        (SparseAttention(512, 64), 5313.999878971849),
        (SparseAttention(256, 16, 4), 695.2395235190704),
        (SparseAttention(256, 16, 4, clock="reduced"), 349.34447571601424),
        (SparseAttention(512, 64, shared=0.1), 4181.634944315491),
    ],
)
def test_plateaus(model, time):
    assert model.plateau() == pytest.approx(time, rel=1e-8)
    assert model.flow(time).test_loss == pytest.approx(0.1, rel=1e-6)


def test_state_at_the_end_of_the_plateau():
    found = SparseAttention(512, 64).flow(5313.999878971849)
    assert found.norm == pytest.approx(5.196600560771423, rel=1e-8)
    assert found.score == pytest.approx(7.9790601400318675, rel=1e-8)
    assert found.status == "solved"


def test_levels_are_fractions_of_the_initial_loss():
    model = SparseAttention(64, 8, 2)
    for level in (0.999, 0.5, 0.01):
        assert model.flow(model.plateau(level)).test_loss == pytest.approx(level / 2, rel=1e-8)


@pytest.mark.parametrize(("repeated", "shared"), [(1, 0.0), (3, 0.0), (2, 0.3)])
def test_three_equations_are_the_flow_of_all_scores(repeated, shared):
    model = SparseAttention(9, 4, repeated, shared)
    time = 1.2 * model.plateau(0.5)
    state, found = full_flow(9, 4, repeated, shared, time), model.flow(time)
    matrix, scores = state[:4], state[4:]
    assert scores[0] - scores[-1] == pytest.approx(found.score, rel=1e-5)
    assert matrix[0] == pytest.approx(found.repeated, rel=1e-5)
    assert np.linalg.norm(matrix[1:]) == pytest.approx(found.rest, rel=1e-5)


def test_training_keeps_to_the_true_flow_and_not_to_the_reduced_clock():
    """B = 4: the time to L = .1 is that of the flow with the factor 1/B + 1/(T−B)."""
    model = SparseAttention(32, 8, 4)
    frame = simulate_attention(model, steps=250, seeds=8, learning_rate=0.5).frame
    times = frame[frame.test_loss < 0.1].groupby("seed").time.min()
    error = times.std(ddof=1) / np.sqrt(len(times))
    assert len(times) == 8
    assert abs(times.mean() - model.plateau()) < 3 * error + 0.5
    assert times.mean() > 1.3 * SparseAttention(32, 8, 4, clock="reduced").plateau()


def test_recorded_losses_of_training_are_those_of_its_state():
    model = SparseAttention(16, 6, 2, 0.4)
    frame = simulate_attention(model, steps=30, seeds=1, every=30).frame
    late = frame.iloc[-1]
    flow = model.flow(30.0)
    assert late.time == 30
    assert late.test_loss == pytest.approx(float(flow.test_loss), rel=0.3)
    assert late.train_loss == pytest.approx(float(flow.train_loss), rel=0.3)


def test_emergence_goes_as_one_over_the_root_of_repetition():
    times = [SparseAttention(4096, 64, repeated).plateau() for repeated in (1, 16)]
    assert times[0] / times[1] == pytest.approx(4, rel=0.1)
    reduced = SparseAttention(4096, 64, 16, clock="reduced").plateau()
    assert times[0] / reduced == pytest.approx(16, rel=0.1)


@pytest.mark.parametrize(
    ("model", "close"),
    [(SparseAttention(4096, 256), 0.0032), (SparseAttention(4096, 256, 4), 0.015),
     (SparseAttention(4096, 256, 4, clock="reduced"), 0.02),
     (SparseAttention(4096, 64, shared=0.2), 0.02)],
)  # fmt: skip
def test_the_law_of_the_plateau(model, close):
    assert model.plateau_law() == pytest.approx(model.plateau(), rel=close)
    if model.shared == 0:
        one, two = (abs(model.plateau_law(n) / model.plateau() - 1) for n in (1, 2))
        assert two < one


def test_norm_overshoots_and_the_late_loss_is_one_over_time():
    model = SparseAttention(512, 64)
    found = model.flow(np.geomspace(1, 1e8, 80))
    assert found.norm.max() / 8 == pytest.approx(1.039, abs=0.002)
    assert found.norm[-1] < 8.2
    late = 4 * found.time[-1] * found.test_loss[-1] * (1 + 1 / 511)
    assert late == pytest.approx(1, abs=0.03)
    assert np.all(np.diff(found.train_loss) < 0)


def test_jacobian():
    equations = SparseAttention(512, 64, 3, 0.1)._train
    state = np.array([1.3, 0.4, 2.0])
    numeric = np.array(
        [(equations.speed(state + h) - equations.speed(state - h)) / 2e-6 for h in 1e-6 * np.eye(3)]
    ).T
    np.testing.assert_allclose(equations.jacobian(state), numeric, atol=1e-10)


def test_loss_in_two_and_in_three_variables():
    model = SparseAttention(128, 16)
    assert model.loss(0.0, 0.0) == pytest.approx(0.5)
    three = model.loss(np.sqrt(15.0), 2.0, along=1.0)
    assert model.loss(4.0, 2.0) == pytest.approx(three)
    attention = 1 / (1 + 127 * np.exp(-2.0))
    expected = 0.5 * ((1 - attention) ** 2 * 16 / (16 * 127) + (attention - 1) ** 2)
    assert model.loss(4.0, 2.0) == pytest.approx(expected)


def test_curves_by_length():
    curves = SparseAttention(64, 8).curves([32, 64])
    assert curves.sizes == [32, 64]
    assert curves.norms == ["frobenius"]
    assert curves.seeds == []
    assert curves.frame.test_loss.max() <= 0.5


def test_a_level_that_is_not_reached_says_so(monkeypatch):
    monkeypatch.setattr("normlaws.theory.attention.model.PATIENCE", 0.1)
    with pytest.warns(NormlawsWarning, match="does not fall to 0.2"):
        assert np.isnan(SparseAttention(64, 8).plateau())


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: SparseAttention(8, 4, 8), "repeated to be less than the length 8, got 8"),
        (lambda: SparseAttention(8, 4, shared=1.0), "shared to be a probability"),
        (lambda: SparseAttention(8, 4, clock="paper"), "flow or reduced, got 'paper'"),
        (lambda: SparseAttention(8.5, 4), "length to be a whole number"),
        (lambda: SparseAttention(8, 4).plateau(1.0), "a level between 0 and 1"),
        (lambda: SparseAttention(8, 4).plateau(0), "a level between 0 and 1"),
        (lambda: SparseAttention(8, 4).flow([-1.0]), "times to be finite"),
        (lambda: SparseAttention(8, 4).plateau_law(3), "1 or 2 terms"),
        (lambda: simulate_attention(SparseAttention(8, 4), steps=3, every=5), "every"),
    ],
)
def test_out_of_range(act, message):
    with pytest.raises(InputError, match=message):
        act()
