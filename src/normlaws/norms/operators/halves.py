"""The two halves of x ↦ A Aᵀ x, which an iteration takes apart: Aᵀ on several vectors, A on one.

For a convolution the first half is the layer itself and the second its adjoint, so that the vectors
that are iterated are feature maps of the input.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from normlaws.norms.operators.convolution import Convolution

# OpenBLAS has kernels for small products that take few vectors as fast as one, up to this many
# multiplications.
_SMALL_PRODUCT = 1_000_000

Half = Callable[[NDArray[np.floating]], NDArray[np.floating]]


class Halves(NamedTuple):
    """Both directions: (vectors, m) -> (vectors, n), and back."""

    forward: Half
    adjoint: Half


def matrix_halves(matrix: Tensor) -> Halves:
    """Of a matrix where it is; m is its smaller side."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    if wide.device.type == "cpu":
        array = wide.numpy()
        return Halves(partial(_product, array), partial(_product, array.T))
    return Halves(partial(_on_device, wide), partial(_on_device, wide.T))


def convolution_halves(blocks: Tensor, conv: Convolution) -> Halves:
    """Of the true linear map of a convolution of one group."""
    forward, adjoint = conv.halves(blocks)

    def on_maps(act: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> Half:
        def half(x: NDArray[np.floating]) -> NDArray[np.floating]:
            maps = torch.from_numpy(x.reshape(-1, *shape)).to(blocks.device)
            return act(maps).cpu().numpy().reshape(len(x), -1)

        return half

    return Halves(on_maps(forward, conv.input_shape), on_maps(adjoint, conv.output_shape(blocks)))


def _on_device(matrix: Tensor, x: NDArray[np.floating]) -> NDArray[np.floating]:
    return torch.mm(torch.from_numpy(x).to(matrix.device), matrix).cpu().numpy()


def _product(matrix: NDArray[np.floating], x: NDArray[np.floating]) -> NDArray[np.floating]:
    """(k, m) · (m, n), in pieces that read the matrix once for all k vectors."""
    k, (m, n) = len(x), matrix.shape
    if k == 1:
        return np.matmul(x[0], matrix)[None]
    if k * m * n <= _SMALL_PRODUCT:
        return np.matmul(x, matrix)
    if matrix.flags.c_contiguous:
        rows = max(_SMALL_PRODUCT // (k * n), 1)
        parts = (
            np.matmul(np.ascontiguousarray(x[:, at : at + rows]), matrix[at : at + rows])
            for at in range(0, m, rows)
        )
        out = next(parts)
        for part in parts:
            out += part
        return out
    columns = max(_SMALL_PRODUCT // (k * m), 1)
    parts = (np.matmul(x, matrix[:, at : at + columns]) for at in range(0, n, columns))
    return np.concatenate(list(parts), axis=1)
