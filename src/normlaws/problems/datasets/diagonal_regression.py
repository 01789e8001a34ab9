"""Linear targets with few relevant inputs: the setting of diagonal networks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field

from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.datasets.settings import DataSource

Count = Annotated[int, Field(ge=1)]


class DiagonalRegression(DataSource):
    """x ~ N(0, 1_d), y = β*·x + noise; the first ``relevant`` entries of β* are 1/√relevant.

    Test targets carry no noise, so that twice the test loss is |β − β*|² on average
    (Woodworth et al. 2020, arXiv 2002.09277, section 6). With ``labels = "sign"`` the label is the
    class β*·x > 0, without noise: logistic regression.
    """

    name: Literal["diagonal-regression"] = "diagonal-regression"
    dimension: Count = Field(default=200, description="d, the number of inputs")
    relevant: Count = Field(default=5, description="entries of β* that are not 0")
    noise: float = Field(default=0.01, ge=0, description="standard deviation in training targets")
    labels: Literal["targets", "sign"] = "targets"
    pool: Count = Field(default=5_000, description="examples for training and validation")
    test: Count = Field(default=2_000, description="test examples")
    data_seed: int = Field(default=0, ge=0, description="of inputs and noise")
    augment: None = None

    def load(self, root: Path) -> DataSet:
        """Draw the examples; needs no file."""
        generator = torch.Generator().manual_seed(self.data_seed)
        inputs = torch.randn(self.pool + self.test, self.dimension, generator=generator)
        relevant = min(self.relevant, self.dimension)
        targets = inputs[:, :relevant].sum(1, keepdim=True) / relevant**0.5
        if self.labels == "sign":
            labels, classes = (targets[:, 0] > 0).long(), 2
        else:
            targets[: self.pool] += self.noise * torch.randn(self.pool, 1, generator=generator)
            labels, classes = targets, 1
        images = inputs[:, None, None, :]  # (n, 1, 1, d)
        pool, test = slice(None, self.pool), slice(self.pool, None)
        parts = images[pool], labels[pool], images[test], labels[test]
        return DataSet(self.name, *parts, classes, mean=(0.0,), std=(1.0,))
