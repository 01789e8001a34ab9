"""Layers whose weights and activations have a replica axis, the first.

Images are held as (replicas, channels, height, width, batch), features as (replicas, features,
batch), with the batch innermost: windows of a convolution are then copied, and everything else is
computed, along contiguous memory however small the images and however few the features are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from normlaws.training.stacked_ops import affine_columns, convolution


def stack_of(layers: Sequence[Any], name: str) -> nn.Parameter:
    """The parameter ``name`` of all layers, (replicas, …)."""
    weights = [getattr(layer, name).detach() for layer in layers]
    return nn.Parameter(torch.stack(weights).contiguous())


class Linear(nn.Module):
    """(replicas, inputs, batch) to (replicas, outputs, batch)."""

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.weight = stack_of(layers, "weight")  # (replicas, outputs, inputs)
        self.bias = stack_of(layers, "bias") if layers[0].bias is not None else None

    def forward(self, inputs: Tensor) -> Tensor:
        """Batched matrix products."""
        return affine_columns(inputs, self.weight, self.bias)


class Conv2d(nn.Module):
    """Square kernels, undilated, ungrouped, padded with zeros."""

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        first = layers[0]
        plain = first.groups == 1 and first.dilation == (1, 1) and first.padding_mode == "zeros"
        if not plain or any(len(set(pair)) > 1 for pair in (first.kernel_size, first.padding)):
            raise TypeError(f"no stacked form of {first}")
        self.weight = stack_of(layers, "weight")  # (replicas, outputs, inputs, side, side)
        self.bias = stack_of(layers, "bias") if first.bias is not None else None
        self.stride, self.padding = first.stride[0], first.padding[0]

    def forward(self, images: Tensor) -> Tensor:
        """Windows written out, then batched matrix products."""
        return convolution(images, self.weight, self.bias, self.stride, self.padding)


class BatchNorm2d(nn.Module):
    """Every channel of every replica is one channel of a batch-norm."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.weight, self.bias = stack_of(layers, "weight"), stack_of(layers, "bias")
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, torch.stack([getattr(layer, name) for layer in layers]))
        self.momentum, self.eps = layers[0].momentum, layers[0].eps

    def forward(self, images: Tensor) -> Tensor:
        """Normalise by the statistics of the batch, and keep track of them."""
        self.num_batches_tracked += 1
        normed = F.batch_norm(
            images.reshape(1, self.weight.numel(), -1),
            self.running_mean.view(-1),
            self.running_var.view(-1),
            self.weight.view(-1),
            self.bias.view(-1),
            True,
            self.momentum,
            self.eps,
        )
        return normed.view(images.shape)


class MaxPool2d(nn.Module):
    """The batch takes the place of the channels, which PyTorch then computes along."""

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        first = layers[0]
        self.side, self.stride, self.padding = first.kernel_size, first.stride, first.padding

    def forward(self, images: Tensor) -> Tensor:
        """As in PyTorch; of equal values the first counts."""
        planes = images.flatten(0, 1).permute(0, 3, 1, 2)  # (replicas * channels, batch, h, w)
        pooled = F.max_pool2d(planes, self.side, self.stride, self.padding)
        found: Tensor = pooled.permute(0, 2, 3, 1).unflatten(0, images.shape[:2])
        return found


class MeanPool2d(nn.Module):
    """Adaptive average pooling to a single pixel."""

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        if layers[0].output_size not in (1, (1, 1)):
            raise TypeError(f"no stacked form of {layers[0]}")

    def forward(self, images: Tensor) -> Tensor:
        """Mean over the image."""
        return images.mean((2, 3), keepdim=True)


class Flatten(nn.Module):
    """Images to features."""

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()

    def forward(self, images: Tensor) -> Tensor:
        """(replicas, channels, height, width, batch) to (replicas, features, batch)."""
        return images.flatten(1, 3)
