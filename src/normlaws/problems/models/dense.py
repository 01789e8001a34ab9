"""Fully connected networks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field
from torch import Tensor, nn

from normlaws.problems.models.family import (
    Family,
    Shape,
    Width,
    linear_and_convolutional_weights,
    narrower,
)


class Perceptron(Family):
    """One linear layer without bias: softmax regression."""

    family: Literal["perceptron"] = "perceptron"

    def _network(self, image_shape: Shape, classes: int) -> nn.Module:
        pixels = math.prod(image_shape)
        return nn.Sequential(nn.Flatten(), nn.Linear(pixels, classes, bias=False))


class Feedforward(Family):
    """Base of networks that end in fully connected ReLU layers."""

    hidden: tuple[Width, ...] = (64,)
    dropout: float = Field(default=0.0, ge=0, lt=1, description="after each hidden dense layer")
    scale_biases: bool = Field(
        default=True, description="whether init_scale multiplies biases too; the paper's does not"
    )

    @property
    def stochastic(self) -> bool:
        """Whether there is dropout."""
        return self.dropout > 0

    def shrunk(self, factor: float) -> Self:
        """Narrower hidden layers."""
        return self.model_copy(update={"hidden": narrower(self.hidden, factor)})

    def _scaled_parameters(self, model: nn.Module) -> Iterator[Tensor]:
        if self.scale_biases:
            return model.parameters()
        return linear_and_convolutional_weights(model)

    def _dense(self, inputs: int, classes: int) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for outputs in self.hidden:
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
            if self.dropout:
                layers.append(nn.Dropout(self.dropout))
            inputs = outputs
        return [*layers, nn.Linear(inputs, classes)]


class MLP(Feedforward):
    """Fully connected ReLU layers of the given widths."""

    family: Literal["mlp"] = "mlp"
    hidden: tuple[Width, ...] = Field(default=(64,), min_length=1)

    def _network(self, image_shape: Shape, classes: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), *self._dense(math.prod(image_shape), classes))
