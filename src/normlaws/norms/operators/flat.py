"""A matrix where it lies."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from normlaws.norms.operators.operator import Operator, Vectors
from normlaws.norms.operators.sums import Sums, flat_sums

# OpenBLAS has kernels for small products that take few vectors as fast as one, up to this many
# multiplications.
_SMALL_PRODUCT = 1_000_000


class Flat(Operator):
    """One matrix (outputs, inputs)."""

    groups = 1
    exact_up_to: ClassVar[int] = 2048
    cheap_up_to: ClassVar[int] = 64

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self.outputs, self.inputs = matrix.shape
        self.dtype = matrix.dtype

    def forward(self, x: Vectors) -> Vectors:
        """A x."""
        return product(x[0], self.matrix.T)[None]

    def adjoint(self, y: Vectors) -> Vectors:
        """Aᵀ y."""
        return product(y[0], self.matrix)[None]

    def dense(self) -> Tensor:
        """The blocks themselves."""
        return self.matrix[None]

    def sums(self) -> Sums:
        """Of the rows as they are stored."""
        return flat_sums(self.matrix[None])

    def reduced(self) -> Flat:
        """On its shorter side."""
        return self if self.inputs < self.outputs else Flat(self.matrix.T)

    def to(self, dtype: torch.dtype) -> Flat:
        """Itself where nothing changes."""
        return self if dtype == self.dtype else Flat(self.matrix.to(dtype))

    @property
    def order(self) -> int:
        """The shorter side."""
        return min(self.inputs, self.outputs)


def product(x: NDArray[np.floating], matrix: Tensor) -> NDArray[np.floating]:
    """(k, m) · (m, n), in pieces that read the matrix once for all k vectors."""
    if matrix.device.type != "cpu":
        image = torch.mm(torch.from_numpy(x).to(matrix.device), matrix)
        return np.asarray(image.cpu())
    array = matrix.numpy()
    k, (m, n) = len(x), array.shape
    if k == 1:
        found: NDArray[np.floating] = np.matmul(x[0], array)[None]
        return found
    if k * m * n <= _SMALL_PRODUCT:
        found = np.matmul(x, array)
        return found
    if array.flags.c_contiguous:
        rows = max(_SMALL_PRODUCT // (k * n), 1)
        parts = (
            np.matmul(np.ascontiguousarray(x[:, at : at + rows]), array[at : at + rows])
            for at in range(0, m, rows)
        )
        out = next(parts)
        for part in parts:
            out += part
        found = out
        return found
    columns = max(_SMALL_PRODUCT // (k * m), 1)
    parts = (np.matmul(x, array[:, at : at + columns]) for at in range(0, n, columns))
    return np.concatenate(list(parts), axis=1)
