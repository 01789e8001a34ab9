"""Batched products with their gradients, every replica by itself."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


def affine(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(r, n, inputs), (r, outputs, inputs), (r, outputs) to (r, n, outputs)."""
    result: Tensor = _Affine.apply(inputs, weight, bias)
    return result


def affine_columns(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(r, inputs, n), (r, outputs, inputs), (r, outputs) to (r, outputs, n)."""
    result: Tensor = _AffineColumns.apply(inputs, weight, bias)
    return result


def convolution(
    images: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int
) -> Tensor:
    """Cross-correlation of each replica's images with its kernels.

    Args:
        images: (r, channels, height, width, batch).
        weight: (r, outputs, channels, side, side).
        bias: (r, outputs).
        stride: of both axes.
        padding: zeros on every side.

    Returns:
        (r, outputs, height', width', batch).
    """
    result: Tensor = _Convolution.apply(images, weight, bias, stride, padding)
    return result


class _Affine(Function):
    """Written out so that the gradient of the weight has the weight's own layout."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.has_bias = bias is not None
        return _product(inputs, weight.mT, None if bias is None else bias[:, None])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        to_inputs = torch.bmm(grad, weight) if ctx.needs_input_grad[0] else None
        return to_inputs, torch.bmm(grad.mT, inputs), grad.sum(1) if ctx.has_bias else None


class _AffineColumns(Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.has_bias = bias is not None
        return _product(weight, inputs, None if bias is None else bias[:, :, None])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        to_inputs = torch.bmm(weight.mT, grad) if ctx.needs_input_grad[0] else None
        return to_inputs, torch.bmm(grad, inputs.mT), grad.sum(2) if ctx.has_bias else None


class _Convolution(Function):
    @staticmethod
    def forward(
        ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int
    ) -> Tensor:
        replicas, outputs, side = weight.shape[0], weight.shape[1], weight.shape[-1]
        windows = _windows(images, side, stride, padding)
        height, width, batch = windows.shape[4:]
        columns = windows.reshape(replicas, -1, height * width * batch)
        kernels = weight.view(replicas, outputs, -1)
        result = _product(kernels, columns, None if bias is None else bias[:, :, None])
        ctx.save_for_backward(columns, weight)
        ctx.has_bias, ctx.shape, ctx.stride, ctx.padding = (
            bias is not None,
            images.shape,
            stride,
            padding,
        )
        return result.view(replicas, outputs, height, width, batch)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        columns, weight = ctx.saved_tensors
        replicas, outputs = weight.shape[:2]
        rows = grad.reshape(replicas, outputs, -1)
        to_weight = torch.bmm(rows, columns.mT).view(weight.shape)
        to_images = None
        if ctx.needs_input_grad[0]:
            to_columns = torch.bmm(weight.view(replicas, outputs, -1).mT, rows)
            to_images = _sum_of_windows(
                to_columns, ctx.shape, grad.shape, weight.shape[-1], ctx.stride, ctx.padding
            )
        return to_images, to_weight, rows.sum(2) if ctx.has_bias else None, None, None


def _product(left: Tensor, right: Tensor, bias: Tensor | None) -> Tensor:
    return torch.bmm(left, right) if bias is None else torch.baddbmm(bias, left, right)


def _windows(images: Tensor, side: int, stride: int, padding: int) -> Tensor:
    """View (r, c, side, side, height', width', batch) of the padded images."""
    if padding:
        images = F.pad(images, (0, 0, padding, padding, padding, padding))
    images = images.contiguous()
    replicas, channels, height, width, batch = images.shape
    size = (replicas, channels, side, side, _fit(height, side, stride), _fit(width, side, stride))
    r, c, y, x, b = images.stride()
    return images.as_strided((*size, batch), (r, c, y, x, y * stride, x * stride, b))


def _fit(length: int, side: int, stride: int) -> int:
    return (length - side) // stride + 1


def _sum_of_windows(
    columns: Tensor, shape: torch.Size, grid: torch.Size, side: int, stride: int, padding: int
) -> Tensor:
    """Adjoint of :func:`_windows`: every window's values added to the pixels they came from."""
    replicas, channels, height, width, batch = shape
    rows, cols = grid[2:4]
    windows = columns.view(replicas, channels, side, side, rows, cols, batch)
    padded = columns.new_zeros(replicas, channels, height + 2 * padding, width + 2 * padding, batch)
    for i in range(side):
        down = slice(i, i + stride * (rows - 1) + 1, stride)
        for j in range(side):
            across = slice(j, j + stride * (cols - 1) + 1, stride)
            padded[:, :, down, across] += windows[:, :, i, j]
    return padded[:, :, padding : padding + height, padding : padding + width]
