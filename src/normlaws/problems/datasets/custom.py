"""A data set of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from normlaws.errors import InputError
from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.datasets.settings import DataSource
from normlaws.problems.factory import FACTORY_PATTERN, call_factory


class CustomData(DataSource):
    """Two ``torch.utils.data.Dataset`` (training pool, test) that ``module:factory`` returns.

    Every item is (image, label): a class or, of a regression, one or several floats. Images are
    tensors (channels, height, width) of uint8 or floats,
    or whatever NumPy can read with channels last, such as Pillow's. Loading imports and runs that
    module: a study file that names a factory is a request to run the user's code.
    """

    name: Literal["custom"] = "custom"
    factory: str = Field(pattern=FACTORY_PATTERN, description="package.module:function")
    options: dict[str, Any] = Field(default={}, description="keyword arguments of the factory")

    def load(self, root: Path) -> DataSet:
        """Read every item of both once."""
        parts = call_factory(self.factory, **self.options)
        if not isinstance(parts, tuple | list) or len(parts) != 2:
            raise InputError(
                f"expected {self.factory} to return two data sets, for training and for test, got "
                f"{type(parts).__name__}"
            )
        return DataSet.of(self.name, *_items(parts[0]), *_items(parts[1]))


def _items(items: Any) -> tuple[Tensor, Tensor]:
    images, labels = zip(*(items[index] for index in range(len(items))), strict=True)
    return torch.stack([_image(image) for image in images]), _labels(labels)


def _labels(labels: Any) -> Tensor:
    """Classes where all are whole numbers by type, else the targets of a regression."""
    found = torch.stack([torch.as_tensor(label) for label in labels])
    return found if found.is_floating_point() else found.long()


def _image(image: Any) -> Tensor:
    if not isinstance(image, Tensor):
        image = torch.from_numpy(np.atleast_3d(np.array(image))).movedim(-1, 0)
    found: Tensor = image if image.dtype == torch.uint8 else image.float()
    return found
