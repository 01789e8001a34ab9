"""Channels last, but where oneDNN would write past its workspace."""

from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from normlaws.problems import ModelSettings
from normlaws.problems.models.resnet import Projection
from normlaws.training.layout import memory_format


def residual(width: int) -> nn.Module:
    family = {"family": "resnet", "widths": [width, 2 * width], "blocks": [1, 1]}
    return TypeAdapter(ModelSettings).validate_python(family).build((3, 8, 8), 10, 0)


def strided(width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(width, 2 * width, 1, stride=2))


@pytest.mark.parametrize(
    ("model", "device", "last"),
    [
        (strided(4), "cpu", False),
        (strided(16), "cpu", True),
        (strided(4), "cuda", True),
        (residual(4), "cpu", False),
        (residual(8), "cpu", True),
    ],
)
def test_layout(model, device, last):
    expected = torch.channels_last if last else torch.contiguous_format
    assert memory_format(model, device) == expected


@pytest.mark.parametrize("side", [1, 7, 8])
def test_projection_is_the_strided_convolution(side):
    projection = Projection(3, 5, 2).double()
    images = torch.randn(2, 3, side, side, dtype=torch.float64)
    expected = nn.functional.conv2d(images, projection.weight, stride=2)
    torch.testing.assert_close(projection(images), expected)


@pytest.mark.parametrize("width", [1, 2, 4, 7, 8])
def test_gradients_of_narrow_strided_projections(width):
    """In float32 as the layout has it, against float64, which oneDNN has no code for."""
    torch.manual_seed(0)
    model = residual(width)
    exact = residual(width).double()
    exact.load_state_dict(model.state_dict())
    model = model.to(memory_format=memory_format(model, "cpu"))
    for _ in range(20):
        images = away_from_zero(exact)
        for network in (model, exact):
            network.zero_grad()
            network(images.to(next(network.parameters()).dtype)).square().sum().backward()
        for one, other in zip(model.parameters(), exact.parameters(), strict=True):
            scale = other.grad.abs().max().clamp_min(1e-3)
            assert ((one.grad - other.grad).abs().max() / scale) < 1e-3


def away_from_zero(exact):
    """Images none of whose activations rounding takes to the other side of 0, and its gradient."""
    nearest = []
    units = [module for module in exact.modules() if isinstance(module, nn.ReLU)]
    handles = [
        unit.register_forward_pre_hook(lambda _, inputs: nearest.append(inputs[0].abs().min()))
        for unit in units
    ]
    while not nearest or min(nearest) < 1e-5:
        nearest.clear()
        images = torch.randn(16, 3, 8, 8)
        exact(images.double())
    for handle in handles:
        handle.remove()
    return images
