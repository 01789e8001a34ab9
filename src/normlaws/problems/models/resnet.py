"""Residual networks in their form for small images (He et al. 2016, §4.2; basic blocks)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from normlaws.problems.models.family import (
    Family,
    Shape,
    Width,
    linear_and_convolutional_weights,
    narrower,
)

HEAD_DEVIATION = 0.01


class ResNet(Family):
    """3 x 3 stem, stages of basic blocks, average pooling over the image, one linear layer.

    Every stage but the first halves the image. The defaults are ResNet-18; ResNet-34 has
    ``blocks=(3, 4, 6, 3)``; the paper's widths for MNIST are 16-32-64-128. Convolutions start from
    He's normal distribution (fan out), the linear layer from N(0, 0.01²), biases from 0;
    ``init_scale`` multiplies these weights and leaves the batch-norm gains at 1.
    """

    family: Literal["resnet"] = "resnet"
    widths: tuple[Width, ...] = Field(default=(64, 128, 256, 512), min_length=1)
    blocks: tuple[Width, ...] = Field(default=(2, 2, 2, 2), min_length=1)

    @model_validator(mode="after")
    def _one_width_a_stage(self) -> Self:
        if len(self.widths) != len(self.blocks):
            raise ValueError(
                f"widths and blocks must be of equal length, one entry a stage, but "
                f"{len(self.widths)} widths and {len(self.blocks)} blocks came"
            )
        return self

    def shrunk(self, factor: float) -> Self:
        """Narrower stages."""
        return self.model_copy(update={"widths": narrower(self.widths, factor)})

    def _network(self, image_shape: Shape, classes: int) -> nn.Module:
        model = nn.Sequential(
            *_convolution(image_shape[0], self.widths[0], 3, 1),
            nn.ReLU(),
            *self._stages(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(self.widths[-1], classes),
        )
        _initialise(model)
        return model

    def _stages(self) -> Iterator[nn.Module]:
        inputs = self.widths[0]
        for stage, (width, blocks) in enumerate(zip(self.widths, self.blocks, strict=True)):
            for block in range(blocks):
                yield _BasicBlock(inputs, width, stride=2 if stage and not block else 1)
                inputs = width

    def _scaled_parameters(self, model: nn.Module) -> Iterator[Tensor]:
        return linear_and_convolutional_weights(model)


class _BasicBlock(nn.Module):
    """Two 3 x 3 convolutions around which the input is carried and added."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *_convolution(inputs, outputs, 3, stride),
            nn.ReLU(),
            *_convolution(outputs, outputs, 3, 1),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(Projection(inputs, outputs, stride), nn.BatchNorm2d(outputs))
        )
        self.activation = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        """(n, inputs, height, width) to (n, outputs, height / stride, width / stride)."""
        added: Tensor = self.residual(images) + self.shortcut(images)
        found: Tensor = self.activation(added)
        return found


class Projection(nn.Conv2d):
    """A 1 x 1 convolution that takes every ``stride``-th pixel first, then convolves with stride 1.

    The same function as with a stride, and safe with channels last however few they are
    (:func:`normlaws.training.layout.memory_format`).
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(inputs, outputs, 1, stride, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """(n, inputs, height, width) to (n, outputs, height / stride, width / stride)."""
        down, across = self.stride
        return F.conv2d(images[:, :, ::down, ::across], self.weight)


def _convolution(inputs: int, outputs: int, side: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, side, stride, padding=side // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


def _initialise(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=HEAD_DEVIATION)
            nn.init.zeros_(module.bias)
