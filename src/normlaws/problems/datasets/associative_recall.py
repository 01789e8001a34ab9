"""Keys and values, and a key to recall the value of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.datasets.settings import DataSource

Count = Annotated[int, Field(ge=1)]


class AssociativeRecall(DataSource):
    """Sequences k₁ v₁ k₂ v₂ … q, and the value that stands behind the key q as the label.

    Keys are the tokens 0, 1, …, values those after them; the classes are the whole vocabulary.
    ``repetition`` (B) is the number of pairs of a sequence that are the queried one, ``fixed`` (p)
    the probability with which that pair is the same for all training sequences: the two ways of
    repeating the relevant token of arXiv 2505.17863. Other keys differ from the queried one and
    from one another. Test sequences are drawn with p = 0. Sequences are rows of tokens,
    (n, 1, 1, 2·pairs + 1).
    """

    name: Literal["associative-recall"] = "associative-recall"
    keys: Count = Field(default=16, description="different keys")
    values: Count = Field(default=16, description="different values")
    pairs: Count = Field(default=6, description="pairs in a sequence")
    repetition: Count = Field(default=1, description="B, pairs that are the queried one")
    fixed: float = Field(default=0.0, ge=0, le=1, description="p, share of one and the same pair")
    pool: Count = Field(default=20_000, description="sequences for training and validation")
    test: Count = Field(default=2_000, description="test sequences")
    data_seed: int = Field(default=0, ge=0, description="of the sequences")
    augment: None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.repetition > self.pairs:
            raise ValueError("repetition must not exceed pairs")
        if self.keys < self.pairs - self.repetition + 1:
            raise ValueError("keys must be enough for the different keys of a sequence")
        return self

    def load(self, root: Path) -> DataSet:
        """Draw the sequences; needs no file."""
        generator = torch.Generator().manual_seed(self.data_seed)
        pool = self._drawn(self.pool, self.fixed, generator)
        test = self._drawn(self.test, 0.0, generator)
        vocabulary = self.keys + self.values
        return DataSet(self.name, *pool, *test, vocabulary, mean=(0.0,), std=(1.0,))

    def _drawn(self, count: int, fixed: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Sequences (count, 1, 1, tokens) uint8 or float32, and labels (count,)."""
        keys = torch.rand(count, self.keys, generator=generator).argsort(dim=1)
        values = torch.randint(0, self.values, (count, self.pairs), generator=generator)
        same = torch.rand(count, generator=generator) < fixed
        where = (keys == 0).float().argmax(dim=1)
        swapped = keys.clone()
        rows = torch.arange(count)
        swapped[rows, where], swapped[:, 0] = keys[:, 0], 0
        keys = torch.where(same[:, None], swapped, keys)
        values[same, 0] = 0
        repeated = torch.arange(self.pairs).sub(self.repetition - 1).clamp_min(0)
        keys, values = keys[:, repeated], values[:, repeated] + self.keys
        query, label = keys[:, :1], values[:, 0]
        order = torch.rand(count, self.pairs, generator=generator).argsort(dim=1)
        pairs = torch.stack([keys.gather(1, order), values.gather(1, order)], dim=2).flatten(1)
        return torch.cat([pairs, query], dim=1)[:, None, None].float(), label
