"""Fisher–Rao norm and margins."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from normlaws.errors import InputError
from normlaws.norms import log_fisher_rao, margins, measure


def loop_over_examples(model: nn.Module, inputs, labels) -> float:
    squares = []
    for x, y in zip(inputs, labels, strict=True):
        loss = functional.cross_entropy(model(x[None]), y[None])
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        pairs = zip(gradients, model.parameters(), strict=True)
        squares.append(float(sum((g * p).sum() for g, p in pairs)) ** 2)
    return math.log(float(np.mean(squares))) / 2


def batch(*shape):
    torch.manual_seed(0)
    return torch.randn(6, *shape), torch.randint(0, 3, (6,))


def test_fisher_rao_uses_the_gradient_of_every_example():
    inputs, labels = batch(1, 6, 6)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)
    ).eval()
    expected = loop_over_examples(model, inputs, labels)
    assert log_fisher_rao(model.train(), inputs, labels) == pytest.approx(expected, abs=1e-5)
    assert all(p.grad is None for p in model.parameters())


def test_fisher_rao_of_attention():
    inputs, labels = batch(5, 8)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.Sequential(layer, nn.Flatten(), nn.Linear(40, 3)).eval()
    expected = loop_over_examples(model, inputs, labels)
    assert log_fisher_rao(model, inputs, labels) == pytest.approx(expected, abs=1e-5)


def test_fisher_rao_of_a_bias_free_relu_network_is_its_closed_form():
    inputs, labels = batch(5)
    model = nn.Sequential(nn.Linear(5, 7, bias=False), nn.ReLU(), nn.Linear(7, 6, bias=False),
                          nn.ReLU(), nn.Linear(6, 3, bias=False))  # fmt: skip
    outputs = model(inputs)
    losses = functional.cross_entropy(outputs, labels, reduction="none")
    (gradient,) = torch.autograd.grad(losses.sum(), outputs)
    closed = 3 * (gradient * outputs).sum(1).square().mean().sqrt()
    value = log_fisher_rao(model, inputs, labels)
    assert math.exp(value) == pytest.approx(float(closed.detach()), rel=1e-5)


def test_margins_are_normalised_by_complexity_and_size_of_the_batch():
    inputs, labels = batch(5)
    model = nn.Linear(5, 3).train()
    found = margins(model, inputs, labels)
    logits = model(inputs).detach().numpy()
    complexity = math.exp(measure(model).total["log_spectral_complexity"])
    scale = complexity * float(inputs.norm()) / 6
    for index, label in enumerate(labels):
        rival = np.delete(logits[index], label).max()
        assert found.raw[index] == pytest.approx(logits[index, label] - rival, rel=1e-5)
        assert found.normalized[index] == pytest.approx(found.raw[index] / scale, rel=1e-5)
    assert found.quantile(0.5) == pytest.approx(np.median(found.normalized))
    assert model.training


def test_margins_of_unfit_shapes_are_refused():
    with pytest.raises(InputError, match=r"expected logits \(n, classes\)"):
        margins(nn.Linear(5, 1), torch.zeros(2, 5), torch.zeros(2, dtype=torch.long))
