"""Path norms against sums over explicit matrices of paths."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torchvision import models

from normlaws.errors import InputError
from normlaws.norms import log_path_norm

from ..suite import explicit


def chain(layers: list[nn.Module], shape: tuple[int, ...], order: int) -> float:
    """Paths of a chain of linear maps (ReLU between), by multiplying explicit matrices."""
    total = torch.ones(math.prod(shape), dtype=torch.float64)
    for layer in layers:
        if isinstance(layer, nn.ReLU):
            continue
        total = explicit(layer, shape).abs() ** order @ total
        shape = tuple(layer.eval()(torch.zeros(1, *shape)).shape[1:])
    return float(total.sum())


CHAINS = {
    "mlp": ([nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)], (5,)),
    "strided conv": ([nn.Conv2d(2, 3, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(27, 2)],
                     (2, 6, 5)),
    "transposed": ([nn.ConvTranspose1d(2, 3, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(21, 2)],
                   (2, 4)),
    "average": ([nn.Conv2d(1, 2, 3), nn.AvgPool2d(3, 2, 1), nn.Flatten(), nn.Linear(8, 2)],
                (1, 5, 5)),
    "average inside": ([nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
                        nn.Flatten(), nn.Linear(12, 2)], (1, 6, 5)),
    "average 1d": ([nn.AvgPool1d(2, ceil_mode=True), nn.Flatten(), nn.Linear(3, 2)], (1, 5)),
    "adaptive": ([nn.AdaptiveAvgPool2d((2, 3)), nn.Flatten(), nn.Linear(6, 2)], (1, 5, 7)),
    "batch-norm": ([nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(),
                    nn.Linear(18, 2)], (1, 5, 5)),
    "circular": ([nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular"), nn.Flatten(),
                  nn.Linear(50, 2)], (1, 5, 5)),
}  # fmt: skip


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", CHAINS)
def test_chain_is_the_product_of_its_matrices(name, order):
    layers, shape = CHAINS[name]
    model = nn.Sequential(*layers)
    for module in model:
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, -2, 2)
    value = log_path_norm(model, torch.zeros(3, *shape), order=order)
    assert value == pytest.approx(math.log(chain(layers, shape, order)) / order, rel=1e-9)


class Skip(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return 0.5 * (x - self.second(torch.relu(self.first(x))))


@pytest.mark.parametrize("order", [1, 2])
def test_skips_add_their_paths(order):
    model = Skip()
    first, second = (layer.weight.detach().double().abs() ** order
                     for layer in (model.first, model.second))  # fmt: skip
    paths = 0.5**order * (torch.eye(4, dtype=torch.float64) + second @ first)
    value = log_path_norm(model, torch.zeros(1, 4), order=order)
    assert value == pytest.approx(math.log(float(paths.sum())) / order, rel=1e-9)


@pytest.mark.parametrize("pool", [nn.MaxPool2d(2, ceil_mode=True), nn.MaxPool2d(3, 2, 1),
                                  nn.AdaptiveMaxPool2d(2)])  # fmt: skip
def test_every_pooled_pixel_is_on_a_path(pool):
    shape = (2, 5, 5)
    size = pool(torch.zeros(1, *shape)).numel()
    last = nn.Linear(size, 3)
    unit = torch.eye(50).reshape(50, *shape)
    reached = (pool(unit) > 0).flatten(1).double().T  # (pooled, pixels)
    paths = last.weight.detach().double().abs() @ reached
    value = log_path_norm(nn.Sequential(pool, nn.Flatten(), last), torch.zeros(1, *shape))
    assert value == pytest.approx(math.log(float(paths.sum())), rel=1e-9)


def test_path_norm_of_a_resnet_is_finite_and_leaves_it_unchanged():
    model = models.resnet18(num_classes=10).train()
    before = model.bn1.running_mean.clone()
    assert math.isfinite(log_path_norm(model, torch.zeros(1, 3, 32, 32)))
    assert model.training
    assert torch.equal(before, model.bn1.running_mean)


@pytest.mark.parametrize("factor", [1e-20, 1e20])
def test_paths_beyond_the_range_of_float64(factor):
    layers = [nn.Linear(3, 3) for _ in range(20)]
    usual = log_path_norm(nn.Sequential(*layers), torch.zeros(1, 3))
    for layer in layers:
        layer.weight.data.mul_(factor)
    value = log_path_norm(nn.Sequential(*layers), torch.zeros(1, 3))
    assert value == pytest.approx(usual + 20 * math.log(factor), abs=1e-3)


def test_operations_without_paths_are_named():
    with pytest.raises(InputError, match="it calls gelu"):
        log_path_norm(nn.Sequential(nn.Linear(2, 2), nn.GELU()), torch.zeros(1, 2))
    with pytest.raises(InputError, match="order 1 or 2"):
        log_path_norm(nn.Linear(2, 2), torch.zeros(1, 2), order=3)
