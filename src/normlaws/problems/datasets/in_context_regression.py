"""Linear regression from examples in the input."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field

from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.datasets.settings import DataSource

Count = Annotated[int, Field(ge=1)]


class InContextRegression(DataSource):
    """Rows (x_l, y_l), l = 1 … L, then (x_q, 0); the target is y_q (arXiv 2503.12734).

    x ~ N(0, 1_d), y = β·x + N(0, noise²), and every sequence has a β ~ N(0, 1_d/d) of its own.
    Sequences are (n, 1, L + 1, d + 1). Twice the test loss is the risk; debiased gradient descent
    reaches s² + (d(1 + s²) + 1)/(L + d(1 + s²)), s the noise.
    """

    name: Literal["in-context-regression"] = "in-context-regression"
    dimension: Count = Field(default=5, description="d")
    examples: Count = Field(default=20, description="L, examples in a sequence")
    noise: float = Field(default=0.3, ge=0, description="s, standard deviation")
    pool: Count = Field(default=20_000, description="sequences for training and validation")
    test: Count = Field(default=2_000, description="test sequences")
    data_seed: int = Field(default=0, ge=0, description="of the sequences")
    augment: None = None

    def load(self, root: Path) -> DataSet:
        """Draw the sequences; needs no file."""
        generator = torch.Generator().manual_seed(self.data_seed)
        count, length = self.pool + self.test, self.examples + 1
        inputs = torch.randn(count, length, self.dimension, generator=generator)
        beta = torch.randn(count, self.dimension, 1, generator=generator) / self.dimension**0.5
        outputs = inputs @ beta + self.noise * torch.randn(count, length, 1, generator=generator)
        targets = outputs[:, -1].clone()
        outputs[:, -1] = 0
        rows = torch.cat([inputs, outputs], dim=2)[:, None]
        pool, test = slice(None, self.pool), slice(self.pool, None)
        parts = rows[pool], targets[pool], rows[test], targets[test]
        return DataSet(self.name, *parts, 1, mean=(0.0,), std=(1.0,))
