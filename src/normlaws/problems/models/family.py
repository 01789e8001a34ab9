"""What every model family has: a factor on the initial weights, and a seed at building time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from normlaws.problems.settings import Settings

Width = Annotated[int, Field(ge=1)]
Shape = tuple[int, int, int]


class Family(Settings):
    """Base: settings of a network, without the images and classes that it is built for."""

    init_scale: float = Field(default=1.0, ge=0, description="factor on the initial weights")

    def build(self, image_shape: Shape, classes: int, seed: int) -> nn.Module:
        """The network with its initial weights, drawn from ``seed`` alone.

        Args:
            image_shape: (channels, height, width).
            classes: number of outputs.
            seed: of the initial weights; the global generator is left as it was.

        Raises:
            InputError: the images do not fit the layers.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = self._network(image_shape, classes)
        with torch.no_grad():
            for parameter in self._scaled_parameters(model):
                parameter.mul_(self.init_scale)
        return model

    @property
    def stochastic(self) -> bool:
        """Whether a forward pass in training mode draws random numbers."""
        return False

    def shrunk(self, factor: float) -> Self:
        """A narrower sister with about ``factor`` times the weights, of the same depth."""
        return self

    def _network(self, image_shape: Shape, classes: int) -> nn.Module:
        raise TypeError("a family defines its network")

    def _scaled_parameters(self, model: nn.Module) -> Iterator[Tensor]:
        """The parameters that ``init_scale`` multiplies: all."""
        return model.parameters()


def linear_and_convolutional_weights(model: nn.Module) -> Iterator[Tensor]:
    """What the paper's initialisation factor multiplies: no bias, gain or embedding."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            yield module.weight


def narrower(widths: tuple[int, ...], factor: float) -> tuple[int, ...]:
    """Widths times √factor, at least 2: weights go as the square of the width."""
    return tuple(min(width, max(2, round(width * math.sqrt(factor)))) for width in widths)
