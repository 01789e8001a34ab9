"""Model families: settings that build a network for given images and classes."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from normlaws.errors import InputError

Width = Annotated[int, Field(ge=1)]
Shape = tuple[int, int, int]


class _Family(BaseModel):
    """What every family has: a factor on the initial weights, and a seed at building time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    init_scale: float = Field(
        default=1.0, ge=0, description="factor on PyTorch's default initial weights and biases"
    )

    def build(self, image_shape: Shape, classes: int, seed: int) -> nn.Module:
        """The network with its initial weights, drawn from ``seed`` alone.

        Args:
            image_shape: (channels, height, width).
            classes: number of outputs.
            seed: of the initial weights; the global generator is left as it was.

        Raises:
            InputError: the images are too small for the layers.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = nn.Sequential(*self._layers(image_shape, classes))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(self.init_scale)
        return model

    def _layers(self, image_shape: Shape, classes: int) -> list[nn.Module]:
        raise TypeError("a family defines its layers")


class Perceptron(_Family):
    """One linear layer without bias: softmax regression."""

    family: Literal["perceptron"] = "perceptron"

    def _layers(self, image_shape: Shape, classes: int) -> list[nn.Module]:
        return [nn.Flatten(), nn.Linear(math.prod(image_shape), classes, bias=False)]


class MLP(_Family):
    """Fully connected ReLU layers of the given widths."""

    family: Literal["mlp"] = "mlp"
    hidden: tuple[Width, ...] = Field(default=(64,), min_length=1)

    def _layers(self, image_shape: Shape, classes: int) -> list[nn.Module]:
        return [nn.Flatten(), *_dense(math.prod(image_shape), self.hidden, classes)]


class CNN(_Family):
    """3 x 3 convolutions, each with ReLU and 2 x 2 max-pooling, then fully connected layers."""

    family: Literal["cnn"] = "cnn"
    channels: tuple[Width, ...] = Field(default=(16, 32), min_length=1)
    hidden: tuple[Width, ...] = (64,)

    def _layers(self, image_shape: Shape, classes: int) -> list[nn.Module]:
        inputs, height, width = image_shape
        shrink = 2 ** len(self.channels)
        if min(height, width) < shrink:
            raise InputError(
                f"expected images of at least {shrink} x {shrink} pixels for {len(self.channels)} "
                f"pooled convolutions, got {height} x {width}; give fewer channels"
            )
        layers: list[nn.Module] = []
        for outputs in self.channels:
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            inputs = outputs
        flat = inputs * (height // shrink) * (width // shrink)
        return [*layers, nn.Flatten(), *_dense(flat, self.hidden, classes)]


def _dense(inputs: int, hidden: tuple[int, ...], classes: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for outputs in hidden:
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        inputs = outputs
    return [*layers, nn.Linear(inputs, classes)]


ModelSettings = Annotated[Perceptron | MLP | CNN, Field(discriminator="family")]
"""Settings of any family, told apart by ``family``."""
