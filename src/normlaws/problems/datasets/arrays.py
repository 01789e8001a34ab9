"""NumPy archives."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from normlaws.errors import CorruptFileError, InputError, allowed
from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.datasets.settings import DataSource, existing
from normlaws.storage.reading import check_plain, check_unfolded, reading

_COPIES = 2  # held at one moment, of arrays that become float32


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
        with reading("a NumPy archive (.npz)", path):
            _check_sizes(path, keys)
            with np.load(path, allow_pickle=False) as archive:
                if missing := set(keys) - set(archive):
                    raise InputError(
                        f"{path}: expected the arrays {allowed(archive)}, got {missing.pop()}"
                    )
                arrays = [archive[key] for key in keys]
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


def _check_sizes(path: Path, keys: tuple[str, ...]) -> None:
    """Refuse arrays that take far more memory than the file is long, or other than it holds."""
    stored = check_plain(path, "a NumPy archive (.npz)")
    with zipfile.ZipFile(path) as archive:
        members = [one for one in archive.infolist() if one.filename.removesuffix(".npy") in keys]
        size = sum(_COPIES * one.file_size for one in members)
        check_unfolded(size, stored, "a NumPy archive", path)
        for one in members:
            with archive.open(one) as stream:
                shape, dtype = _header(stream)
            if math.prod(shape) * dtype.itemsize > one.file_size:
                raise CorruptFileError(
                    f"expected arrays of the length that is stored in {path}, got {one.filename} "
                    f"of shape {shape}"
                )


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype


def _labels(array: np.ndarray) -> Tensor:
    """Integers as int64, also where they stand in a column; floats are targets of a regression."""
    if array.dtype.kind not in "iu":
        return torch.from_numpy(array)
    values = array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array
    return torch.from_numpy(values.astype(np.int64))
