"""A block-diagonal matrix: a grouped convolution read flat, or layers of one shape side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from normlaws.norms.operators.flat import Flat, product
from normlaws.norms.operators.operator import Mask, Operator, Vectors
from normlaws.norms.operators.sums import Sums, flat_sums


class Blocks(Operator):
    """Matrices of one shape, each where it lies, or one tensor (groups, outputs, inputs)."""

    exact_up_to: ClassVar[int] = Flat.exact_up_to
    cheap_up_to: ClassVar[int] = Flat.cheap_up_to

    def __init__(self, matrices: Tensor | Sequence[Tensor]) -> None:
        self.matrices = matrices
        self.groups = len(matrices)
        self.outputs, self.inputs = matrices[0].shape
        self.dtype = matrices[0].dtype

    def forward(self, x: Vectors) -> Vectors:
        """A x."""
        return np.stack([product(x[g], matrix.T) for g, matrix in enumerate(self.matrices)])

    def adjoint(self, y: Vectors) -> Vectors:
        """Aᵀ y."""
        return np.stack([product(y[g], matrix) for g, matrix in enumerate(self.matrices)])

    def gram(self, x: Vectors, wanted: Mask | None = None) -> Vectors:
        """AᵀA x, of the wanted matrices alone."""
        out = np.zeros_like(x)
        for g, matrix in enumerate(self.matrices):
            if wanted is None or wanted[g]:
                out[g] = product(product(x[g], matrix.T), matrix)
        return out

    def dense(self) -> Tensor:
        """The blocks themselves."""
        return self._whole()

    def sums(self) -> Sums:
        """Of the rows as they are stored."""
        return flat_sums(self._whole())

    def reduced(self) -> Blocks:
        """On the shorter side."""
        if self.inputs < self.outputs:
            return self
        turned = self.matrices.mT if isinstance(self.matrices, Tensor) else None
        return Blocks([matrix.T for matrix in self.matrices] if turned is None else turned)

    def to(self, dtype: torch.dtype) -> Blocks:
        """Itself where nothing changes."""
        return self if dtype == self.dtype else Blocks(self._whole().to(dtype))

    @property
    def order(self) -> int:
        """The shorter side of a block."""
        return min(self.inputs, self.outputs)

    def _whole(self) -> Tensor:
        if isinstance(self.matrices, Tensor):
            return self.matrices
        return torch.stack(list(self.matrices))


def flat(blocks: Tensor) -> Flat | Blocks:
    """The operator of a weight (groups, outputs, inputs)."""
    return Flat(blocks[0]) if len(blocks) == 1 else Blocks(blocks)
