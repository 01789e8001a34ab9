"""Diagonal linear networks (Woodworth et al. 2020, arXiv 2002.09277)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from normlaws.problems.models.family import Family, Shape


class Diagonal(Family):
    """f(x) = β·x with β = w₊^depth − w₋^depth, entry by entry; w₊ = w₋ = α at first.

    α is ``init_scale``: large is the kernel regime, small the rich one. With two classes the logits
    are (0, f), so that cross-entropy is the logistic loss; with more, every class has a network of
    its own. All vectors are rows of one matrix, whose Frobenius norm is |w|.
    """

    family: Literal["diagonal"] = "diagonal"
    depth: int = Field(default=2, ge=2, description="D")

    def _network(self, image_shape: Shape, classes: int) -> nn.Module:
        return DiagonalNetwork(math.prod(image_shape), self.depth, classes)


class DiagonalNetwork(nn.Module):
    """The network of :class:`Diagonal`."""

    def __init__(self, inputs: int, depth: int, classes: int) -> None:
        super().__init__()
        self.depth, self.logistic = depth, classes == 2
        networks = 1 if self.logistic else classes
        self.weights = nn.Linear(inputs, 2 * networks, bias=False)  # rows w₊, then rows w₋
        nn.init.ones_(self.weights.weight)

    @property
    def beta(self) -> Tensor:
        """β of every network, (networks, inputs)."""
        plus, minus = (self.weights.weight**self.depth).chunk(2)
        return plus - minus

    def forward(self, images: Tensor) -> Tensor:
        """(n, …) to (n, classes)."""
        outputs = images.flatten(1) @ self.beta.T
        if self.logistic:
            return torch.cat([torch.zeros_like(outputs), outputs], dim=1)
        return outputs
