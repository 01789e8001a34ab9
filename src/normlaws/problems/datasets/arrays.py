"""NumPy archives."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from normlaws.errors import CorruptFileError, InputError, allowed
from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.datasets.settings import DataSource, existing


class Arrays(DataSource):
    """One ``.npz`` file of four arrays, by default under Keras's names.

    Images are (n, height, width), (n, height, width, channels) or, where ``channels_first``,
    (n, channels, height, width); vectors (n, d) become images of one row. Bytes stay bytes, any
    other numbers become float32. Labels that are not whole by type are the targets of a regression,
    (n,) or (n, outputs).
    """

    name: Literal["npz"] = "npz"
    path: str = Field(description="below the data root, or absolute")
    train_images: str = "x_train"
    train_labels: str = "y_train"
    test_images: str = "x_test"
    test_labels: str = "y_test"
    channels_first: bool = False

    def load(self, root: Path) -> DataSet:
        """Read the four arrays; nothing in the file is unpickled."""
        path = existing(root / self.path, "a NumPy archive (.npz)")
        keys = (self.train_images, self.train_labels, self.test_images, self.test_labels)
        try:
            with np.load(path, allow_pickle=False) as archive:
                if missing := set(keys) - set(archive):
                    raise InputError(
                        f"{path}: expected the arrays {allowed(archive)}, got {missing.pop()}"
                    )
                arrays = [archive[key] for key in keys]
        except InputError:
            raise
        except Exception as error:  # zip, header and pickle refusals come by many types
            raise CorruptFileError(f"expected a NumPy archive at {path}, but {error}") from None
        images, labels, test, test_labels = arrays
        return DataSet.of(
            self.name,
            self._images(images),
            _labels(labels),
            self._images(test),
            _labels(test_labels),
        )

    def _images(self, array: np.ndarray) -> Tensor:
        values = torch.from_numpy(array if array.dtype == np.uint8 else array.astype(np.float32))
        if values.ndim == 2:
            return values[:, None, None, :]
        if values.ndim == 3:
            return values[:, None]
        return values if self.channels_first else values.movedim(-1, 1).contiguous()


def _labels(array: np.ndarray) -> Tensor:
    """Integers as int64, also where they stand in a column; floats are targets of a regression."""
    if array.dtype.kind not in "iu":
        return torch.from_numpy(array)
    values = array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array
    return torch.from_numpy(values.astype(np.int64))
