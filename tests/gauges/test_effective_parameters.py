from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from torch import nn

import normlaws.gauges.descent_block as block_module
import normlaws.gauges.effective_parameters as module
from normlaws.errors import InputError, NormlawsWarning
from normlaws.gauges import EffectiveParameters
from normlaws.gauges.descent_block import moved

from .suite import GaugeSuite
from .test_telescope import log_spaced, tiny_jacobian, weights

GENERATOR = torch.Generator().manual_seed(1)
X = torch.randn(24, 3, generator=GENERATOR, dtype=torch.float64)
Y = torch.sin(X.sum(1, keepdim=True)) + 0.1 * torch.randn(
    24, 1, generator=GENERATOR, dtype=torch.float64
)
FRESH = torch.randn(40, 3, generator=GENERATOR, dtype=torch.float64)


def tiny(outputs=1):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, outputs)).double()


class TestEffectiveParameters(GaugeSuite):
    def make_gauge(self, model):
        return EffectiveParameters(X, Y, FRESH, rate=0.05)

    def test_the_start_uses_none(self):
        values = self.make_gauge(None).measure(self.make_model(), 0)
        assert values["log_effective_parameters_train"] == -math.inf


def trained(model, optimizer, steps, recorded, labels=Y):
    """Gauge values by blocks, and S step by step with every gradient's own Jacobian, momentum too.

    Returns:
        The gauge's last values; exact p at the training and at fresh inputs.
    """
    gauge = EffectiveParameters(X, labels, FRESH, optimizer=optimizer)
    gauge.measure(model)
    rows = labels.numel()
    fitted, fresh = torch.zeros(rows, rows), torch.zeros(40 * labels.shape[1], rows)
    fitted, fresh, momentum = fitted.double(), fresh.double(), 0.0
    for step in range(1, steps + 1):
        at = weights(model)
        optimizer.zero_grad()
        (0.5 * (model(X) - labels).square().sum(1).mean()).backward()
        optimizer.step()
        here, there = tiny_jacobian(at, X), tiny_jacobian(at, FRESH)
        gradient = here.T @ (torch.eye(rows).double() - fitted) / len(X)
        if isinstance(optimizer, torch.optim.Adam):
            momentum = 0.9 * momentum + 0.1 * gradient
            states = [optimizer.state[parameter]["exp_avg_sq"] for parameter in model.parameters()]
            second = torch.cat([state.flatten() for state in states]) / (1 - 0.999**step)
            scale = 1 / (second.sqrt() + 1e-8)
            gradient = scale[:, None] * momentum / (1 - 0.9**step)
        move = optimizer.param_groups[0]["lr"] * gradient
        fitted, fresh = fitted + here @ move, fresh + there @ move
        if step in recorded:
            values = gauge.measure(model)
    outputs = labels.shape[1]
    exact = float(fitted.square().sum()) / outputs
    return values, exact, float(fresh.square().sum()) / outputs * len(X) / 40


def values_of(values):
    names = ("train", "probes")
    return [math.exp(values[f"log_effective_parameters_{name}"]) for name in names]


def test_blocks_agree_with_every_step_of_gradient_descent():
    model = tiny()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    values, *exact = trained(model, optimizer, 600, set(log_spaced(600)))
    assert values_of(values) == pytest.approx(exact, rel=0.005)
    assert math.exp(values["log_smoother_error"]) < 0.01


def test_blocks_agree_with_every_step_of_several_outputs():
    model = tiny(2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    labels = torch.cat([Y, Y.square()], dim=1)
    values, *exact = trained(model, optimizer, 200, set(log_spaced(200)), labels)
    assert values_of(values) == pytest.approx(exact, rel=0.005)


def test_blocks_agree_with_every_step_of_adam():
    model = tiny()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    values, *exact = trained(model, optimizer, 500, set(log_spaced(500)))
    assert values_of(values) == pytest.approx(exact, rel=0.015)


@pytest.mark.parametrize("features", [3, 40], ids=["more examples", "more weights"])
def test_a_linear_model_is_exact(features):
    inputs = torch.randn(24, features, generator=torch.Generator().manual_seed(2)).double()
    labels = inputs[:, :1] - 0.5
    model = nn.Linear(features, 1, bias=False).double()
    rate, steps = 0.1, 50
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    gauge = EffectiveParameters(inputs, labels, inputs[:5], optimizer=optimizer)
    gauge.measure(model)
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        (0.5 * (model(inputs) - labels).square().mean()).backward()
        optimizer.step()
        if step in (1, 7, steps):
            values = gauge.measure(model)
    eigenvalues = torch.linalg.eigvalsh(inputs.T @ inputs / 24).clamp_min(0)
    expected = float((1 - (1 - rate * eigenvalues) ** steps).square().sum())
    assert values_of(values)[0] == pytest.approx(expected, rel=1e-12)
    assert math.exp(values["log_smoother_error"]) < 1e-12


def test_random_directions_estimate_the_same(monkeypatch):
    exact, estimated = [], []
    for limit, found in ((2000, exact), (10, estimated)):
        monkeypatch.setattr(module, "EXACT_UP_TO", limit)
        model = tiny()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        gauge = EffectiveParameters(X, Y, FRESH, optimizer=optimizer, directions=256)
        gauge.measure(model)
        for step in range(1, 201):
            optimizer.zero_grad()
            (0.5 * (model(X) - Y).square().mean()).backward()
            optimizer.step()
            if step in log_spaced(200):
                values = gauge.measure(model)
        found += values_of(values)
    assert estimated == pytest.approx(exact, rel=0.09)


def test_rates_may_follow_a_schedule():
    def rate(step):
        return 0.1 / (1 + step)

    model = nn.Linear(3, 1, bias=False).double()
    gauge = EffectiveParameters(X, Y, FRESH, rate=rate)
    gauge.measure(model, 0)
    values = gauge.measure(model, 4)
    eigenvalues = torch.linalg.eigvalsh(X.T @ X / 24)
    product = torch.stack([1 - rate(step) * eigenvalues for step in range(4)]).prod(0)
    expected = float((1 - product).square().sum())
    assert values_of(values)[0] == pytest.approx(expected, rel=1e-12)


def test_classes_become_one_hot():
    torch.manual_seed(0)
    model = nn.Linear(3, 4).double()
    classes = torch.arange(24) % 4
    found = []
    for labels in (classes, nn.functional.one_hot(classes, 4)):
        gauge = EffectiveParameters(X, labels, FRESH, rate=0.1)
        gauge.measure(model, 0)
        found.append(gauge.state_dict()["residual"][:, -1])
    assert torch.equal(*found)


def test_a_rate_beyond_stability_is_told():
    model = nn.Linear(3, 1).double()
    gauge = EffectiveParameters(X, Y, FRESH, rate=100.0)
    gauge.measure(model, 0)
    with pytest.warns(NormlawsWarning, match="edge of stability"):
        values = gauge.measure(model, 10)
    assert 0 < values_of(values)[0] < 24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "rate= or optimizer="),
        ({"rate": 0.1, "labels": Y[:3]}, "one label for each"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(InputError, match=message):
        EffectiveParameters(**({"inputs": X, "labels": Y, "probes": FRESH} | arguments))


def test_momentum_is_refused():
    optimizer = torch.optim.SGD(tiny().parameters(), lr=0.1, momentum=0.9)
    with pytest.raises(InputError, match="SGD without momentum"):
        EffectiveParameters(X, Y, FRESH, optimizer=optimizer)


def test_the_step_is_needed_where_the_rate_is_a_number():
    with pytest.raises(InputError, match=r"measure\(model, step\)"):
        EffectiveParameters(X, Y, FRESH, rate=0.1).measure(tiny())


@pytest.fixture
def block():
    """J at 40 training and 5 probe rows with a tangent kernel's decay, and a residual."""
    generator = torch.Generator().manual_seed(3)
    train = torch.randn(40, 60, generator=generator).double() * 0.8 ** torch.arange(60)
    probes = torch.randn(5, 60, generator=generator).double() * 0.8 ** torch.arange(60)
    scale = torch.linalg.matrix_norm(train, 2)
    return train / scale, probes / scale, torch.eye(40).double()


@pytest.mark.parametrize("steps", [1, 12, 500], ids=["singly", "squares", "eigenbasis"])
@pytest.mark.parametrize("flow", [False, True], ids=["steps", "flow"])
def test_single_precision_is_close_to_double(block, steps, flow, monkeypatch):
    rates = Counter({0.3: steps})
    double = moved(*block, rates, flow=flow)
    monkeypatch.setattr(block_module, "DOUBLE_UP_TO", 0)
    single = moved(*block, rates, flow=flow)
    assert single.residual.dtype == torch.float64
    assert 0 < float((single.residual - double.residual).abs().max()) < 1e-4
    assert 0 < float((single.probes - double.probes).abs().max()) < 1e-4


@pytest.mark.parametrize("given", ["many steps", "beyond its range"])
def test_double_precision_is_taken_where_single_does_not_suffice(block, given, monkeypatch):
    train, probes, residual = block
    rates = Counter({0.3: 100_000})
    if given == "beyond its range":
        train, probes, rates = train * 1e20, probes * 1e20, Counter({3e-41: 2})
    double = moved(train, probes, residual, rates)
    monkeypatch.setattr(block_module, "DOUBLE_UP_TO", 0)
    assert torch.equal(moved(train, probes, residual, rates).residual, double.residual)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6)])
@pytest.mark.parametrize("rates", [Counter({0.5: 20, 1.7: 3}), Counter({0.4: 2, 0.9: 1})])
def test_a_block_is_so_many_steps(shape, rates):
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(3)).double()
    matrix /= torch.linalg.matrix_norm(matrix, 2)
    residual = torch.randn(shape[0], 2).double()
    other = torch.randn(3, shape[1]).double()
    block = moved(matrix, other, residual, rates)
    left, outputs = residual, torch.zeros(3, 2).double()
    for rate in rates.elements():
        outputs += rate * other @ matrix.T @ left
        left = left - rate * matrix @ matrix.T @ left
    torch.testing.assert_close(block.residual, left, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(block.probes, outputs, rtol=1e-10, atol=1e-12)
