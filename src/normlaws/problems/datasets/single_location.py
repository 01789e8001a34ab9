"""Sparse attention: one token of many matters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.datasets.settings import DataSource

Count = Annotated[int, Field(ge=1)]


class SingleLocation(DataSource):
    """x_t ~ N(0, 1_d/d), t = 1 … T; the target is W* x_T, columns of W* of norm 1.

    The task of arXiv 2505.17863: ``repetition`` (B) last positions hold the same relevant token;
    with probability ``fixed`` (p) that token is a fixed unit vector. Test sequences are drawn with
    p = 0. Sequences are (n, 1, T, d).
    """

    name: Literal["single-location"] = "single-location"
    length: Count = Field(default=32, description="T, tokens in a sequence")
    dimension: Count = Field(default=16, description="d, numbers in a token and in a target")
    repetition: Count = Field(default=1, description="B, positions of the relevant token")
    fixed: float = Field(default=0.0, ge=0, le=1, description="p, share of one and the same token")
    pool: Count = Field(default=20_000, description="sequences for training and validation")
    test: Count = Field(default=2_000, description="test sequences")
    data_seed: int = Field(default=0, ge=0, description="of W* and the sequences")
    augment: None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.repetition > self.length:
            raise ValueError("repetition must not exceed length")
        return self

    def load(self, root: Path) -> DataSet:
        """Draw the sequences; needs no file."""
        generator = torch.Generator().manual_seed(self.data_seed)
        teacher = torch.randn(self.dimension, self.dimension, generator=generator)
        teacher = teacher / teacher.norm(dim=0, keepdim=True)
        pool = self._drawn(self.pool, self.fixed, teacher, generator)
        test = self._drawn(self.test, 0.0, teacher, generator)
        return DataSet(self.name, *pool, *test, self.dimension, mean=(0.0,), std=(1.0,))

    def _drawn(
        self, count: int, fixed: float, teacher: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        shape = (count, self.length, self.dimension)
        tokens = torch.randn(shape, generator=generator) / self.dimension**0.5
        same = torch.rand(count, generator=generator) < fixed
        relevant = tokens[:, -1].clone()
        relevant[same] = torch.eye(self.dimension)[0]
        tokens[:, -self.repetition :] = relevant[:, None]
        return tokens[:, None], relevant @ teacher.T
