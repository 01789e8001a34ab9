"""Networks of equal shape as one network of stacked layers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from normlaws.problems.models.resnet import Projection
from normlaws.problems.models.vit import VisionTransformer
from normlaws.training import stacked_layers as layers
from normlaws.training.stacked_transformer import Transformer

FAMILIES = ("perceptron", "mlp", "cnn", "resnet", "vit")
"""Families that consist of the layers below, and of modules that only combine them."""


LAYERS: dict[type[nn.Module], Callable[[Sequence[Any]], nn.Module]] = {
    nn.Linear: layers.Linear,
    nn.Conv2d: layers.Conv2d,
    Projection: layers.Conv2d,
    nn.BatchNorm2d: layers.BatchNorm2d,
    nn.MaxPool2d: layers.MaxPool2d,
    nn.AdaptiveAvgPool2d: layers.MeanPool2d,
    nn.Flatten: layers.Flatten,
    nn.ReLU: lambda modules: nn.ReLU(),
    nn.Identity: lambda modules: nn.Identity(),
    VisionTransformer: Transformer,
}


class StackedNetwork(nn.Module):
    """Replicas of one network; parameters have the names of theirs and one more axis, the first.

    Args:
        models: networks of equal shape, of one of :data:`FAMILIES`. Their parameters and buffers
            become views of the stacked ones.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers = stacked(models)
        parameters = dict(self.layers.named_parameters())
        buffers = dict(self.layers.named_buffers())
        for index, model in enumerate(models):
            for name, parameter in model.named_parameters():
                parameter.data = parameters[name].data[index]
            for name, buffer in model.named_buffers():
                buffer.data = buffers[name][index]

    def forward(self, images: Tensor) -> Tensor:
        """(replicas, batch, channels, height, width) to logits (replicas, batch, classes).

        Those of a class lie together in memory, except a transformer's.
        """
        logits: Tensor = self.layers(images.permute(0, 2, 3, 4, 1))
        return logits.mT


def stacked(modules: Sequence[nn.Module]) -> nn.Module:
    """One module for several: a stacked layer, or a copy of the first with stacked children.

    Raises:
        TypeError: there is no stacked form of such a layer.
    """
    first = modules[0]
    make = LAYERS.get(type(first))
    if make is not None:
        return make(modules)
    if not first._modules or first._parameters or first._buffers:
        raise TypeError(f"no stacked form of {type(first).__name__}")
    combined = copy.copy(first)
    combined._modules = {
        name: stacked([module._modules[name] for module in modules])  # type: ignore[misc]
        for name in first._modules
    }
    return combined
