"""The embedded default."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.datasets.settings import DataSource

TEST = 450


class Digits(DataSource):
    """The 1,797 images of 8 x 8 pixels that scikit-learn ships (UCI optical digits)."""

    name: Literal["digits"] = "digits"

    def load(self, root: Path) -> DataSet:
        """Always there."""
        from sklearn.datasets import load_digits

        bunch = load_digits()
        images = torch.from_numpy(bunch.images).to(torch.uint8).unsqueeze(1)  # (1797, 1, 8, 8)
        labels = torch.from_numpy(bunch.target).long()
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
        test, pool = order[:TEST], order[TEST:]
        return DataSet.of("digits", images[pool], labels[pool], images[test], labels[test])
