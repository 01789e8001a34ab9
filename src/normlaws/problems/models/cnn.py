"""Plain convolutional networks."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field
from torch import nn

from normlaws.errors import InputError
from normlaws.problems.models.dense import Feedforward
from normlaws.problems.models.family import Shape, Width, narrower


class CNN(Feedforward):
    """3 x 3 convolutions with ReLU and 2 x 2 max-pooling, then fully connected layers.

    The paper's networks pool after every second convolution: channels 32-64-128 and 512 hidden
    units; for CIFAR-100 channels 64-128-256-512, 1024-512 hidden units and dropout 0.1.
    """

    family: Literal["cnn"] = "cnn"
    channels: tuple[Width, ...] = Field(default=(16, 32), min_length=1)
    pool_every: int = Field(default=1, ge=1, description="convolutions between two poolings")

    def shrunk(self, factor: float) -> Self:
        """Fewer channels and hidden units."""
        update = {"channels": narrower(self.channels, factor)}
        return super().shrunk(factor).model_copy(update=update)

    def _network(self, image_shape: Shape, classes: int) -> nn.Module:
        inputs, height, width = image_shape
        pools = len(self.channels) // self.pool_every
        shrink = 2**pools
        if min(height, width) < shrink:
            raise InputError(
                f"expected images of at least {shrink} x {shrink} pixels for {pools} "
                f"pooled convolutions, got {height} x {width}; give fewer channels"
            )
        layers: list[nn.Module] = []
        for index, outputs in enumerate(self.channels, start=1):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
            if index % self.pool_every == 0:
                layers.append(nn.MaxPool2d(2))
            inputs = outputs
        flat = inputs * (height // shrink) * (width // shrink)
        return nn.Sequential(*layers, nn.Flatten(), *self._dense(flat, classes))
