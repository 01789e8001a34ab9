"""The true linear map of a convolution on feature maps: its action, and the sums over its rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from normlaws.norms.operators.sums import tap_sums

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_CONV = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_CONV_TRANSPOSE = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}


@dataclass(frozen=True)
class Axis:
    """One spatial axis: size of the input, taps, and where they fall.

    ``padding`` is (before, after); for transposed convolutions (padding, output padding).
    """

    size: int
    taps: int
    stride: int
    padding: tuple[int, int]
    dilation: int


@dataclass(frozen=True)
class Convolution:
    """A convolution (or transposed convolution) acting on maps of one size."""

    transposed: bool
    channels: int  # of the input
    groups: int
    mode: str
    axes: tuple[Axis, ...]

    @classmethod
    def of(cls, module: Any, input_shape: tuple[int, ...]) -> Convolution:
        """The geometry of a torch module on inputs (batch, channels, *sizes)."""
        spatial = len(module.kernel_size)
        transposed = isinstance(module, TRANSPOSED)
        axes = zip(
            input_shape[-spatial:],
            module.kernel_size,
            module.stride,
            _paddings(module, transposed),
            module.dilation,
            strict=True,
        )
        return cls(
            transposed,
            module.in_channels,
            module.groups,
            module.padding_mode,
            tuple(Axis(*axis) for axis in axes),
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, *sizes)."""
        return self.channels, *(axis.size for axis in self.axes)

    def kernel(self, blocks: Tensor) -> Tensor:
        """Flat blocks (groups, out, in · taps) back to the layout that torch convolves with."""
        groups, out, _ = blocks.shape
        taps = [axis.taps for axis in self.axes]
        if not self.transposed:
            return blocks.reshape(groups * out, -1, *taps)
        kernel = blocks.reshape(groups, out, -1, *taps).transpose(1, 2)
        return kernel.reshape(-1, out, *taps)

    def map(self, kernel: Tensor) -> Callable[[Tensor], Tensor]:
        """The linear map itself: (batch, channels, *sizes) -> feature maps, without bias."""
        stride = tuple(axis.stride for axis in self.axes)
        dilation = tuple(axis.dilation for axis in self.axes)
        padding = tuple(axis.padding[0] for axis in self.axes)
        if self.transposed:
            extra = tuple(axis.padding[1] for axis in self.axes)
            op = _CONV_TRANSPOSE[len(self.axes)]
            return lambda x: op(x, kernel, None, stride, padding, extra, self.groups, dilation)
        conv = _CONV[len(self.axes)]
        if self.mode == "zeros" and all(len(set(axis.padding)) == 1 for axis in self.axes):
            return lambda x: conv(x, kernel, None, stride, padding, dilation, self.groups)
        around = tuple(itertools.chain(*(axis.padding for axis in reversed(self.axes))))
        mode = "constant" if self.mode == "zeros" else self.mode
        return lambda x: conv(
            functional.pad(x, around, mode=mode), kernel, None, stride, 0, dilation, self.groups
        )

    def output_shape(self, blocks: Tensor) -> tuple[int, ...]:
        """(channels, *sizes) of the output, for blocks (groups, out, in · taps)."""
        return len(blocks) * blocks.shape[1], *(len(axis_index(axis, self)) for axis in self.axes)

    def separates(self) -> bool:
        """Whether no input is seen twice and some output sees all taps.

        The operator then consists of copies of the flat matrix, some with columns left out, that
        act on inputs of their own: its norm is the flat norm.
        """
        indices = [axis_index(axis, self) for axis in self.axes]
        return all(
            len(np.unique(index[index >= 0])) == (index >= 0).sum() and (index >= 0).all(1).any()
            for index in indices
        )

    def halves(self, blocks: Tensor) -> tuple[Callable[[Tensor], Tensor], Callable[..., Tensor]]:
        """X ↦ A x and y ↦ Aᵀ y, on feature maps (vectors, channels, *sizes)."""
        kernel = self.kernel(blocks.detach()).contiguous()
        act = self.map(kernel)
        if self.mode != "zeros" or any(len(set(axis.padding)) > 1 for axis in self.axes):
            return act, self._differentiated(act)
        if self.transposed:
            return act, replace(self, transposed=False).map(kernel)
        left = tuple(  # pixels at the end that a stride leaves unseen
            (axis.size + 2 * axis.padding[0] - axis.dilation * (axis.taps - 1) - 1) % axis.stride
            for axis in self.axes
        )
        axes = (replace(a, padding=(a.padding[0], e)) for a, e in zip(self.axes, left, strict=True))
        return act, replace(self, transposed=True, axes=tuple(axes)).map(kernel)

    def _differentiated(self, act: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        def adjoint(y: Tensor) -> Tensor:
            shape = (len(y), *self.input_shape)
            with torch.enable_grad():
                x = torch.zeros(shape, dtype=y.dtype, device=y.device, requires_grad=True)
                (image,) = torch.autograd.grad(act(x), x, y)
            return image

        return adjoint

    def gram(self, blocks: Tensor) -> Callable[[Tensor], Tensor]:
        """X ↦ Aᵀ A x."""
        forward, adjoint = self.halves(blocks)
        return lambda x: adjoint(forward(x))

    def row_sums(self, blocks: Tensor) -> tuple[float, float, float]:
        """Σ of the L2 norms of the rows, Σ of squares, Σ of absolute values of the matrix.

        Every output position sees the kernel through one of a few patterns: which taps fall into
        the padding, and which (under reflect, replicate and circular padding) on the same pixel.
        """
        groups, out, _ = blocks.shape
        kernel = blocks.detach().reshape(groups * out, -1, *(axis.taps for axis in self.axes))
        patterns = [_patterns(axis, self) for axis in self.axes]
        if all(_separate(merge) for axis in patterns for merge, _ in axis):
            return _sums_of_separate_taps(kernel, patterns)
        return _sums_of_merged_taps(kernel.cpu().double(), patterns)


Patterns = list[tuple[Tensor, int]]


def _sums_of_separate_taps(kernel: Tensor, patterns: list[Patterns]) -> tuple[float, float, float]:
    """Every tap falls on its own pixel, so channels can be summed before positions."""
    square, absolute = (total.unflatten(1, kernel.shape[2:]) for total in tap_sums(kernel))
    times = torch.ones((), dtype=torch.float64)
    for axis in patterns:
        seen = torch.stack([merge.sum(0) for merge, _ in axis])  # (patterns, taps)
        counts = torch.tensor([count for _, count in axis], dtype=torch.float64)
        square = torch.tensordot(square, seen, dims=([1], [1]))  # moves the axis to the end
        absolute = torch.tensordot(absolute, counts @ seen, dims=([1], [0]))
        times = times[..., None] * counts
    rows = square.clamp(min=0).sqrt()
    return float((rows * times).sum()), float((square * times).sum()), float(absolute.sum())


def _sums_of_merged_taps(kernel: Tensor, patterns: list[Patterns]) -> tuple[float, float, float]:
    rows = squares = absolute = 0.0
    for combination in itertools.product(*patterns):
        seen, times = kernel, 1
        for merge, count in combination:
            seen = torch.tensordot(seen, merge, dims=([2], [1]))  # moves the axis to the end
            times *= count
        norms = torch.linalg.vector_norm(seen.flatten(1), dim=1)
        rows += times * float(norms.sum())
        squares += times * float(norms.square().sum())
        absolute += times * float(seen.abs().sum())
    return rows, squares, absolute


def _separate(merge: Tensor) -> bool:
    return bool((merge.sum(1) <= 1).all())


def _paddings(module: Any, transposed: bool) -> list[tuple[int, int]]:
    if transposed:
        return list(zip(module.padding, module.output_padding, strict=True))
    if module.padding == "valid":
        return [(0, 0)] * len(module.kernel_size)
    if module.padding == "same":
        totals = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    return [(padding, padding) for padding in module.padding]


def axis_index(axis: Axis, conv: Convolution) -> NDArray[np.int64]:
    """Which input coordinate each output coordinate sees through each tap; -1 for none.

    Returns:
        (outputs, taps) integers.
    """
    reach = axis.dilation * np.arange(axis.taps)
    if conv.transposed:
        span = axis.dilation * (axis.taps - 1) + 1
        outputs = (axis.size - 1) * axis.stride - 2 * axis.padding[0] + span + axis.padding[1]
        position = np.arange(outputs)[:, None] + axis.padding[0] - reach
        index = position // axis.stride
        inside = (position % axis.stride == 0) & (index >= 0) & (index < axis.size)
        return np.where(inside, index, -1)
    padded = axis.size + sum(axis.padding)
    outputs = (padded - axis.dilation * (axis.taps - 1) - 1) // axis.stride + 1
    position = axis.stride * np.arange(outputs)[:, None] + reach - axis.padding[0]
    return _PADDED[conv.mode](position, axis.size)


_PADDED: dict[str, Callable[[NDArray[np.int64], int], NDArray[np.int64]]] = {
    "zeros": lambda at, size: np.where((at >= 0) & (at < size), at, -1),
    "circular": lambda at, size: at % size,
    "replicate": lambda at, size: np.clip(at, 0, size - 1),
    "reflect": lambda at, size: (size - 1) - np.abs((size - 1) - np.abs(at)),
}


@cache
def _patterns(axis: Axis, conv: Convolution) -> Patterns:
    """The distinct ways to see the taps: (merging matrix (pixels, taps), number of outputs)."""
    index = axis_index(axis, conv)
    labels = np.stack([_labels(row) for row in index])
    distinct, counts = np.unique(labels, axis=0, return_counts=True)
    return [(_merge(row), int(count)) for row, count in zip(distinct, counts, strict=True)]


def _labels(row: NDArray[np.int64]) -> NDArray[np.int64]:
    first: dict[int, int] = {}
    return np.array([-1 if pixel < 0 else first.setdefault(pixel, len(first)) for pixel in row])


def _merge(labels: NDArray[np.int64]) -> Tensor:
    merge = torch.zeros(labels.max(initial=-1) + 1, len(labels), dtype=torch.float64)
    for tap, pixel in enumerate(labels):
        if pixel >= 0:
            merge[pixel, tap] = 1
    return merge
