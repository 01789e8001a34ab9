"""Channels last, but where oneDNN would write past its workspace."""

from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from normlaws.problems import ModelSettings
from normlaws.training.layout import memory_format


def residual(width: int) -> nn.Module:
    family = {"family": "resnet", "widths": [width, 2 * width], "blocks": [1, 1]}
    return TypeAdapter(ModelSettings).validate_python(family).build((3, 8, 8), 10, 0)


@pytest.mark.parametrize(
    ("width", "device", "last"), [(4, "cpu", False), (16, "cpu", True), (4, "cuda", True)]
)
def test_layout(width, device, last):
    expected = torch.channels_last if last else torch.contiguous_format
    assert memory_format(residual(width), device) == expected


@pytest.mark.parametrize("width", [1, 2, 4, 7])
def test_gradients_of_narrow_strided_projections(width):
    """In float32 as the layout has it, against float64, which oneDNN has no code for."""
    torch.manual_seed(0)
    model = residual(width)
    exact = residual(width).double()
    exact.load_state_dict(model.state_dict())
    model = model.to(memory_format=memory_format(model, "cpu"))
    for _ in range(20):
        images = torch.randn(16, 3, 8, 8)
        for network in (model, exact):
            network.zero_grad()
            network(images.to(next(network.parameters()).dtype)).square().sum().backward()
        for one, other in zip(model.parameters(), exact.parameters(), strict=True):
            scale = other.grad.abs().max().clamp_min(1e-3)
            assert ((one.grad - other.grad).abs().max() / scale) < 1e-3
