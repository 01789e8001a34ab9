"""The two halves of x ↦ A Aᵀ x, which an iteration takes apart: Aᵀ on several vectors, A on one.

For a convolution the first half is the layer itself and the second its adjoint, so that the vectors
that are iterated are feature maps of the input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from normlaws.norms.geometry import Convolution
from normlaws.norms.krylov import Mask, Vectors

# OpenBLAS has kernels for small products that take few vectors as fast as one, up to this many
# multiplications.
_SMALL_PRODUCT = 1_000_000

Half = Callable[[Vectors, Mask], Vectors]  # problems outside the mask may be left out (zeros)


class Halves(NamedTuple):
    """Both directions: (problems, vectors, m) -> (problems, vectors, n), and back."""

    forward: Half
    adjoint: Half


def matrix_halves(matrices: list[Tensor]) -> Halves:
    """Of matrices of one shape, each where it is; m is the smaller side."""
    wide = [matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T for matrix in matrices]
    if wide[0].device.type == "cpu":
        arrays = [matrix.numpy() for matrix in wide]
        return Halves(_each(_product, arrays), _each(_product, [array.T for array in arrays]))
    return Halves(_each(_on_device, wide), _each(_on_device, [matrix.T for matrix in wide]))


def convolution_halves(blocks: Tensor, conv: Convolution) -> Halves:
    """Of the true linear map of a convolution; one problem per group."""
    forward, adjoint = conv.halves(blocks)

    def on_maps(act: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> Half:
        def half(x: Vectors, _: Mask) -> Vectors:
            groups, vectors, _ = x.shape
            maps = x.swapaxes(0, 1).reshape(vectors, *shape)
            image = act(torch.from_numpy(maps).to(blocks.device)).cpu().numpy()
            return np.ascontiguousarray(image.reshape(vectors, groups, -1).swapaxes(0, 1))

        return half

    return Halves(on_maps(forward, conv.input_shape), on_maps(adjoint, conv.output_shape(blocks)))


def _each(product: Callable[[Vectors, Any], Vectors], matrices: list[Any]) -> Half:
    length = matrices[0].shape[1]

    def half(x: Vectors, wanted: Mask) -> Vectors:
        out = np.zeros((*x.shape[:2], length), x.dtype)
        for index in np.flatnonzero(wanted):
            out[index] = product(x[index], matrices[index])
        return out

    return half


def _on_device(x: Vectors, matrix: Tensor) -> Vectors:
    return torch.mm(torch.from_numpy(x).to(matrix.device), matrix).cpu().numpy()


def _product(x: Vectors, matrix: NDArray[np.floating]) -> Vectors:
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
