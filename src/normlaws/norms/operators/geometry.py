"""Where a convolution acts: sizes, strides, paddings, and which output sees which input."""

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
        return all(_separates(axis, self) for axis in self.axes)

    def halves(self, blocks: Tensor) -> tuple[Callable[[Tensor], Tensor], Callable[..., Tensor]]:
        """X ↦ A x and y ↦ Aᵀ y, on feature maps (vectors, channels, *sizes)."""
        kernel = self.kernel(blocks.detach()).contiguous()
        act = self.map(kernel)
        uneven = any(len(set(axis.padding)) > 1 for axis in self.axes)
        longer = self.transposed and any(axis.padding[1] >= axis.stride for axis in self.axes)
        if self.mode != "zeros" or uneven or longer:  # longer: a convolution would return more
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


Patterns = list[tuple[Tensor, int]]


def _paddings(module: Any, transposed: bool) -> list[tuple[int, int]]:
    if transposed:
        return list(zip(module.padding, module.output_padding, strict=True))
    if module.padding == "valid":
        return [(0, 0)] * len(module.kernel_size)
    if module.padding == "same":
        totals = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    return [(padding, padding) for padding in module.padding]


@cache
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
def _separates(axis: Axis, conv: Convolution) -> bool:
    index = axis_index(axis, conv)
    inside = index >= 0
    return bool(len(np.unique(index[inside])) == inside.sum() and inside.all(1).any())


@cache
def patterns(axis: Axis, conv: Convolution) -> Patterns:
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
