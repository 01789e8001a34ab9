"""One linear map: its action and that of its adjoint, its matrix, and the sums over its rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from normlaws.norms.operators.sums import Sums

Vectors = NDArray[np.floating]  # (groups, vectors, length)
Mask = NDArray[np.bool_]  # (groups,)


class Operator(ABC):
    """A linear map in independent groups: the block-diagonal matrix of A_1 … A_G.

    Vectors are NumPy arrays (groups, vectors, length); weights stay on their device.

    Attributes:
        groups: G.
        inputs: columns of one block.
        outputs: rows of one block.
        dtype: of the weights.
        exact_up_to: :attr:`order` up to which a full decomposition is affordable.
        cheap_up_to: :attr:`order` up to which it costs no more than an iteration.
        in_turns: whether a product is so expensive that what watches the rest takes turns.
    """

    groups: int
    inputs: int
    outputs: int
    dtype: torch.dtype
    exact_up_to: ClassVar[int]
    cheap_up_to: ClassVar[int]
    in_turns: ClassVar[bool] = False

    @abstractmethod
    def forward(self, x: Vectors) -> Vectors:
        """A x: (groups, vectors, inputs) -> (groups, vectors, outputs)."""

    @abstractmethod
    def adjoint(self, y: Vectors) -> Vectors:
        """Aᵀ y: (groups, vectors, outputs) -> (groups, vectors, inputs)."""

    def gram(self, x: Vectors, wanted: Mask | None = None) -> Vectors:
        """AᵀA x; groups outside the mask may be left out."""
        return self.adjoint(self.forward(x))

    def dense(self) -> Tensor:
        """The blocks (groups, outputs, inputs), by pushing unit vectors through."""
        unit = np.eye(self.inputs, dtype=self.kind)
        every = np.ascontiguousarray(np.broadcast_to(unit, (self.groups, *unit.shape)))
        return torch.from_numpy(self.forward(every)).mT

    @abstractmethod
    def sums(self) -> Sums:
        """Over the rows of the matrix, to the precision of the weights."""

    @abstractmethod
    def reduced(self) -> Operator:
        """The operator of the same largest singular value that is cheapest to iterate."""

    @abstractmethod
    def to(self, dtype: torch.dtype) -> Operator:
        """The same map with weights of another type."""

    @property
    @abstractmethod
    def order(self) -> int:
        """Vectors that a full decomposition takes."""

    @property
    def kind(self) -> np.dtype[np.floating]:
        """NumPy's name for the type of the vectors."""
        return np.dtype(np.float64 if self.dtype == torch.float64 else np.float32)
