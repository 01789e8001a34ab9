"""The true linear map of a convolution between feature maps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from normlaws.norms.operators.blocks import flat
from normlaws.norms.operators.geometry import Convolution, Patterns, patterns
from normlaws.norms.operators.operator import Operator, Vectors
from normlaws.norms.operators.sums import Sums, tap_sums

_Maps = Callable[[Tensor], Tensor]


class ConvolutionOperator(Operator):
    """Feature maps to feature maps, with padding, stride, dilation and groups; without bias.

    Args:
        blocks: the weight as flat blocks (groups, out, in · taps).
        geometry: where they act.
    """

    exact_up_to: ClassVar[int] = 256
    cheap_up_to: ClassVar[int] = 128
    in_turns: ClassVar[bool] = True

    def __init__(self, blocks: Tensor, geometry: Convolution) -> None:
        self.blocks = blocks
        self.geometry = geometry
        self.groups = geometry.groups
        self.dtype = blocks.dtype
        self.inputs = math.prod(geometry.input_shape) // self.groups
        self.outputs = math.prod(geometry.output_shape(blocks)) // self.groups

    @cached_property
    def _halves(self) -> tuple[_Maps, _Maps]:
        return self.geometry.halves(self.blocks)

    def forward(self, x: Vectors) -> Vectors:
        """A x."""
        return self._through(self._halves[0], x, self.geometry.input_shape)

    def adjoint(self, y: Vectors) -> Vectors:
        """Aᵀ y."""
        return self._through(self._halves[1], y, self.geometry.output_shape(self.blocks))

    def _through(self, act: _Maps, x: Vectors, shape: tuple[int, ...]) -> Vectors:
        """Groups are parts of the channels."""
        groups, vectors, _ = x.shape
        maps = torch.from_numpy(x).transpose(0, 1).reshape(vectors, *shape)
        image = act(maps.to(self.blocks.device)).cpu()
        return image.reshape(vectors, groups, -1).transpose(0, 1).numpy()

    def sums(self) -> Sums:
        """Every output position sees the kernel through one of a few patterns.

        A pattern tells which taps fall into the padding, and which (under reflect, replicate and
        circular padding) on the same pixel.
        """
        taps = (axis.taps for axis in self.geometry.axes)
        kernel = self.blocks.detach().reshape(self.groups * self.blocks.shape[1], -1, *taps)
        seen = [patterns(axis, self.geometry) for axis in self.geometry.axes]
        if all(_separate(merge) for axis in seen for merge, _ in axis):
            return _sums_of_separate_taps(kernel, seen)
        return _sums_of_merged_taps(kernel.cpu().double(), seen)

    def reduced(self) -> Operator:
        """The flat matrix, where the operator consists of copies of it."""
        return flat(self.blocks).reduced() if self.geometry.separates() else self

    def to(self, dtype: torch.dtype) -> ConvolutionOperator:
        """Itself where nothing changes."""
        if dtype == self.dtype:
            return self
        return ConvolutionOperator(self.blocks.to(dtype), self.geometry)

    @property
    def order(self) -> int:
        """All inputs: one vector each writes the matrix out."""
        return self.groups * self.inputs


def _sums_of_separate_taps(kernel: Tensor, axes: list[Patterns]) -> Sums:
    """Every tap falls on its own pixel, so channels can be summed before positions."""
    square, absolute = (total.unflatten(1, kernel.shape[2:]) for total in tap_sums(kernel))
    times = torch.ones((), dtype=torch.float64)
    for axis in axes:
        seen = torch.stack([merge.sum(0) for merge, _ in axis])  # (patterns, taps)
        counts = torch.tensor([count for _, count in axis], dtype=torch.float64)
        square = torch.tensordot(square, seen, dims=([1], [1]))  # moves the axis to the end
        absolute = torch.tensordot(absolute, counts @ seen, dims=([1], [0]))
        times = times[..., None] * counts
    rows = square.clamp(min=0).sqrt()
    return Sums(float((rows * times).sum()), float((square * times).sum()), float(absolute.sum()))


def _sums_of_merged_taps(kernel: Tensor, axes: list[Patterns]) -> Sums:
    rows = squares = absolute = 0.0
    for combination in itertools.product(*axes):
        seen, times = kernel, 1
        for merge, count in combination:
            seen = torch.tensordot(seen, merge, dims=([2], [1]))  # moves the axis to the end
            times *= count
        norms = torch.linalg.vector_norm(seen.flatten(1), dim=1)
        rows += times * float(norms.sum())
        squares += times * float(norms.square().sum())
        absolute += times * float(seen.abs().sum())
    return Sums(rows, squares, absolute)


def _separate(merge: Tensor) -> bool:
    return bool((merge.sum(1) <= 1).all())
