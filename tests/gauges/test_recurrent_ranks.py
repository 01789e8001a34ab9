from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.func import functional_call, jacrev

from normlaws.errors import InputError
from normlaws.gauges import RecurrentRanks, flow
from normlaws.gauges.flow import Flow
from normlaws.gauges.recurrent_cell import recurrence
from normlaws.gauges.traces import hutch_plus_plus

from .suite import GaugeSuite

SEQUENCES = torch.randn(4, 10, 3, generator=torch.Generator().manual_seed(0)).double()


def cell(gain, seed=0, kind=nn.RNN):
    torch.manual_seed(seed)
    layer = kind(3, 8, batch_first=True).double()
    with torch.no_grad():
        layer.weight_hh_l0.copy_(gain * torch.randn_like(layer.weight_hh_l0) / math.sqrt(8))
    return layer


class OwnCell(nn.Module):
    """Read by name: ``forward(x_t, z)``."""

    hidden_size = 8

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(11, 8)

    def forward(self, inputs, state):
        return torch.tanh(self.mix(torch.cat([inputs, state], dim=-1)))


class Unrolled(nn.Module):
    def __init__(self, step) -> None:
        super().__init__()
        self.step, self.head = step, nn.Linear(8, 2)

    def forward(self, sequences):
        state = sequences.new_zeros(len(sequences), 8)
        for time in range(sequences.shape[1]):
            state = self.step(sequences[:, time], state)
        return self.head(state)


class TestRecurrentRanks(GaugeSuite):
    def make_model(self):
        return cell(1.0)

    def make_gauge(self, model):
        return RecurrentRanks(SEQUENCES)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_the_operators_make_the_tangent_kernel(kind):
    """P K P* = J J*, J the Jacobian of the whole trajectory in the weights."""
    layer = cell(1.0, kind=kind)
    found = recurrence(layer, SEQUENCES, None)

    def trajectory(weights):
        state, states = torch.zeros_like(found.states[:, 0]), []
        for time in range(10):
            state = found.step(weights, state, found.inputs[:, time])
            states.append(state)
        return torch.stack(states, dim=1).flatten()

    jacobians = jacrev(trajectory)(found.weights)
    whole = torch.cat([value.flatten(1) for value in jacobians.values()], dim=1)
    expected = whole @ whole.T
    matrix = Flow(found).tangent_kernel().matrix
    assert float((matrix - expected).abs().max() / expected.abs().max()) < 1e-10


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_the_step_is_that_of_pytorch(kind):
    layer = cell(1.0, kind=kind)
    states = recurrence(layer, SEQUENCES, None).states
    torch.testing.assert_close(states[:, 1:, :8], layer(SEQUENCES)[0][:, :-1])


def test_it_is_the_propagator_that_collapses_at_large_gain():
    """Published: K 31.5 / 30.5 / 23.2, P P* 240 / 72 / 6.6, P K P* 19.6 / 5.3 / 2.5 of 320."""
    found = []
    for gain in (0.5, 1.0, 2.0):
        values = [RecurrentRanks(SEQUENCES).measure(cell(gain, seed)) for seed in range(4)]
        found.append([sum(math.exp(v[name]) for v in values) / 4 for name in values[0]])
    kernel, propagator, tangent = zip(*found, strict=True)
    assert 200 < propagator[0] < 280 > 180 > propagator[1] > 40 > 20 > propagator[2]
    assert tangent[0] > tangent[1] > tangent[2] > 1
    assert all(15 < value < 60 for value in kernel)


def test_products_agree_with_matrices(monkeypatch):
    layer = cell(1.0)
    dense = Flow(recurrence(layer, SEQUENCES, None))
    monkeypatch.setattr(flow, "DENSE_UP_TO", 10)
    sparse = Flow(recurrence(layer, SEQUENCES, None))
    vectors = torch.randn(320, 2).double()
    for name in ("kernel", "propagator", "tangent_kernel"):
        exact, products = getattr(dense, name)(), getattr(sparse, name)()
        assert products.matrix is None
        torch.testing.assert_close(products.apply(vectors), exact.matrix @ vectors)
    exact = RecurrentRanks(SEQUENCES).measure(layer)
    monkeypatch.setattr(flow, "DENSE_UP_TO", 2000)
    assert RecurrentRanks(SEQUENCES).measure(layer) == pytest.approx(exact, abs=0.1)


def test_hutch_plus_plus_is_exact_at_low_rank():
    factor = torch.randn(50, 4).double()
    found = hutch_plus_plus(lambda vectors: factor @ (factor.T @ vectors), 50, 15, 0)
    assert found == pytest.approx(float(factor.square().sum()), rel=1e-10)


@pytest.mark.parametrize("step", [nn.RNNCell(3, 8), nn.GRUCell(3, 8)])
def test_cells_in_a_loop_are_found(step):
    model = Unrolled(step).double()
    assert RecurrentRanks(SEQUENCES).measure(model)["log_rank_kernel"] > 0


def test_a_cell_of_ones_own_is_named():
    model = Unrolled(OwnCell()).double()
    named = RecurrentRanks(SEQUENCES, layer="step").measure(model)
    assert all(0 <= value < math.log(320) for value in named.values())
    with pytest.raises(InputError, match="one recurrent layer"):
        RecurrentRanks(SEQUENCES).measure(model)


def test_several_layers_are_refused():
    with pytest.raises(InputError, match="num_layers=2"):
        RecurrentRanks(SEQUENCES).measure(nn.LSTM(3, 8, num_layers=2, batch_first=True).double())


def test_the_jacobian_is_that_of_the_layer():
    """The function of the weights is PyTorch's own layer: same derivative of its last state."""
    layer = cell(1.0)
    found = recurrence(layer, SEQUENCES, None)
    last = jacrev(lambda w: functional_call(layer, w, (SEQUENCES,))[1].flatten())(found.weights)
    rows = torch.cat([value.flatten(1) for value in last.values()], dim=1)
    matrix = Flow(found).tangent_kernel().matrix.view(4, 10, 8, 4, 10, 8)[:, -1, :, :, -1]
    torch.testing.assert_close(matrix.reshape(32, 32), rows @ rows.T)
