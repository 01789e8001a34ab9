from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torch.func import functional_call, jacrev

from normlaws.errors import InputError
from normlaws.gauges import Telescope

from .suite import GaugeSuite

PROBES = torch.randn(5, 3, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def weights(model):
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def jacobian(model, at, inputs):
    """(n·outputs, weights), one column block a weight."""
    found = jacrev(lambda w: functional_call(model, w, (inputs,)).flatten())(at)
    return torch.cat([found[name].flatten(1) for name in at], dim=1)


def tiny_jacobian(at, inputs):
    """The same for Linear, tanh, Linear, written out: (n·outputs, weights)."""
    hidden = torch.tanh(inputs @ at["0.weight"].T + at["0.bias"])
    outputs, count = len(at["2.weight"]), len(inputs)
    back = at["2.weight"][None] * (1 - hidden**2)[:, None]  # (n, outputs, hidden)
    unit = torch.eye(outputs, dtype=inputs.dtype).expand(count, -1, -1)
    blocks = (
        torch.einsum("noh,ni->nohi", back, inputs),
        back,
        torch.einsum("nop,nh->noph", unit, hidden),
        unit,
    )
    return torch.cat([block.flatten(0, 1).flatten(1) for block in blocks], dim=1)


def flat(values):
    return torch.cat([value.flatten() for value in values.values()])


def log_spaced(steps, growth=1.25):
    found = [0, 1]
    while found[-1] < steps:
        found.append(min(steps, max(found[-1] + 1, math.ceil(found[-1] * growth))))
    return found


class TestTelescope(GaugeSuite):
    def make_gauge(self, model):
        return Telescope(PROBES, kernel_probes=4, directions=2)

    def test_nothing_is_known_before_something_moves(self):
        model = self.make_model()
        gauge = self.make_gauge(model)
        assert all(math.isnan(value) for value in gauge.measure(model).values())
        assert all(math.isnan(value) for value in gauge.measure(model).values())

    def test_against_dense_jacobians(self):
        model = self.make_model().eval()
        gauge = Telescope(PROBES, kernel_probes=5, directions=5)
        first = weights(model)
        gauge.measure(model)
        with torch.no_grad():
            start = total = model(PROBES).flatten()
        last = first
        for seed in (1, 2, 3):
            self.steps(model, 3, seed)
            values = gauge.measure(model)
            now = weights(model)
            middle = {name: (last[name] + now[name]) / 2 for name in now}
            total = total + jacobian(model, middle, PROBES) @ (flat(now) - flat(last))
            last = now
        at_start = jacobian(model, first, PROBES)
        at_end = jacobian(model, now, PROBES)
        with torch.no_grad():
            end = model(PROBES).flatten()
        linear = start + at_start @ (flat(now) - flat(first))
        kernels = at_start @ at_start.T, at_end @ at_end.T
        expected = {
            "log_lazy_error": (end - linear).norm() / (end - start).norm(),
            "log_telescope_error": (end - total).norm() / (end - start).norm(),
            "log_kernel_change": (kernels[1] - kernels[0]).norm() / kernels[0].norm(),
        }
        for name, value in expected.items():
            assert math.exp(values[name]) == pytest.approx(float(value), rel=1e-9)

    def test_a_linear_model_is_lazy(self):
        torch.manual_seed(0)
        model = nn.Linear(3, 2).double()
        gauge = Telescope(PROBES)
        found = self.measured(gauge, model)[-1]
        assert all(math.exp(value) < 1e-12 for value in found.values())

    def test_running_statistics_are_no_weights(self):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Linear(6, 2)).double()
        gauge = Telescope(PROBES)
        gauge.measure(model)
        with torch.no_grad():
            model[1].running_mean.add_(0.3)
            model[1].running_var.mul_(0.5)
            model[2].weight.add_(0.1)  # outputs are linear in the last layer's weights
        found = gauge.measure(model)
        assert math.exp(found["log_lazy_error"]) < 1e-12
        assert math.exp(found["log_telescope_error"]) < 1e-12

    @pytest.mark.parametrize(
        "model",
        [
            nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1, batch_first=True),
            nn.LSTM(4, 3, batch_first=True),
            nn.Sequential(nn.Unflatten(1, (2, 6)), nn.Conv1d(2, 3, 3), nn.MaxPool1d(2), nn.ReLU()),
        ],
        ids=["attention", "recurrent", "convolution"],
    )
    def test_layers_of_other_kinds(self, model):
        model = copy.deepcopy(model).double()
        torch.manual_seed(0)
        for module in model.modules():
            getattr(module, "reset_parameters", lambda: None)()
        self.steps(model, 20, 0)
        shape = (3, 12) if isinstance(model, nn.Sequential) else (3, 5, 4)
        gauge = Telescope(torch.randn(*shape, dtype=torch.float64))
        found = self.measured(gauge, model)[-1]
        assert math.exp(found["log_telescope_error"]) < 0.3

    def test_another_model_is_refused(self):
        gauge = Telescope(PROBES)
        gauge.measure(nn.Linear(3, 2).double())
        with pytest.raises(InputError, match="other weights"):
            gauge.measure(nn.Linear(3, 1).double())

    def test_arguments_are_checked(self):
        with pytest.raises(InputError, match="at least one kernel probe"):
            Telescope(PROBES, kernel_probes=0)


def train(rate, steps, recorded, every=False):
    """Full-batch gradient descent of a tiny tanh network; the last telescope error."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(24, 3, generator=generator, dtype=torch.float64)
    labels = torch.sin(2 * inputs.sum(1, keepdim=True))
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1)).double()
    gauge = Telescope(PROBES)
    start = model(PROBES).detach()
    left = start.clone()
    gauge.measure(model)
    for step in range(1, steps + 1):
        loss = 0.5 * (model(inputs) - labels).square().mean()
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        before = weights(model)
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter -= rate * gradient
        if every:
            moved = flat(weights(model)) - flat(before)
            left += (tiny_jacobian(before, PROBES) @ moved)[:, None]
        if step in recorded:
            values = gauge.measure(model)
    end = model(PROBES).detach()
    return math.exp(values["log_telescope_error"]), float(
        (end - left).norm() / (end - start).norm()
    )


def test_the_telescope_of_every_step_is_first_order_in_the_rate():
    coarse = train(0.02, 500, {500}, every=True)[1]
    fine = train(0.01, 1000, {1000}, every=True)[1]
    assert fine == pytest.approx(coarse / 2, rel=0.05)


def test_log_spaced_records_resolve_the_path():
    recorded = log_spaced(1600)
    assert len(recorded) == 31
    assert train(0.05, 1600, set(recorded))[0] < 1e-3
