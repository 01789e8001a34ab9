"""MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100 as torchvision stores and downloads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from normlaws.errors import CorruptFileError, DataNotFoundError, MissingExtraError
from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.datasets.settings import DataSource

IDX_SIZES = {
    "train-images-idx3-ubyte": 16 + 60_000 * 28 * 28,
    "train-labels-idx1-ubyte": 8 + 60_000,
    "t10k-images-idx3-ubyte": 16 + 10_000 * 28 * 28,
    "t10k-labels-idx1-ubyte": 8 + 10_000,
}
"""Bytes of the uncompressed files of MNIST and of Fashion-MNIST."""


class _Vision(DataSource):
    """Base: the torchvision class, the folder it keeps below the data root, and the download."""

    kind: ClassVar[str]
    folder: ClassVar[str]
    megabytes: ClassVar[int]

    def load(self, root: Path) -> DataSet:
        """Read below ``root``, after a download where they are not there."""
        parts = []
        for train in (True, False):
            part = self._part(root, train)
            labels = torch.as_tensor(part.targets)
            parts += [_channels_first(torch.as_tensor(part.data)), labels]
        return DataSet.of(self.name, *parts)

    def _part(self, root: Path, train: bool) -> Any:
        try:
            from torchvision import datasets
        except ImportError:
            raise MissingExtraError(f"the data set {self.name}", "vision") from None
        try:
            return getattr(datasets, self.kind)(str(root), train=train, download=True)
        except Exception as error:  # torchvision trips over a damaged file in many ways
            if (path := self._damaged(root)) is not None:
                raise CorruptFileError(
                    f"expected a file of {self.kind} at {path}, but it is damaged ({error}); "
                    "delete it, and it is downloaded again"
                ) from None
            if isinstance(error, RuntimeError | OSError):
                raise DataNotFoundError(self._absent(root, error)) from None
            raise

    def _absent(self, root: Path, error: Exception) -> str:
        fetch = f"from torchvision.datasets import {self.kind} as D; D('{root}', download=True)"
        return (
            f"expected {self.folder} below {root}, and it could not be downloaded there (about "
            f"{self.megabytes} MB): {error}; give the folder that holds {self.folder} as "
            f'--data-root or NORMLAWS_DATA, or fetch it with: python -c "{fetch}"'
        )

    def _damaged(self, root: Path) -> Path | None:
        """The first file that is there and not what was published."""
        folder = root / self.folder
        sizes = ((folder / name, size) for name, size in IDX_SIZES.items())
        return next((path for path, size in sizes if _size(path) not in (None, size)), None)


class MNIST(_Vision):
    """60,000 + 10,000 handwritten digits of 28 x 28 pixels."""

    name: Literal["mnist"] = "mnist"
    kind, folder, megabytes = "MNIST", "MNIST/raw", 12


class FashionMNIST(_Vision):
    """60,000 + 10,000 articles of clothing of 28 x 28 pixels."""

    name: Literal["fashion-mnist"] = "fashion-mnist"
    kind, folder, megabytes = "FashionMNIST", "FashionMNIST/raw", 31


class _CIFAR(_Vision):
    def _damaged(self, root: Path) -> Path | None:
        from torchvision import datasets
        from torchvision.datasets.utils import check_integrity

        kind = getattr(datasets, self.kind)
        files = kind.train_list + kind.test_list
        digests = ((root / self.folder / name, md5) for name, md5 in files)
        wrong = (path for path, md5 in digests if path.exists() and not check_integrity(path, md5))
        return next(wrong, None)


class CIFAR10(_CIFAR):
    """50,000 + 10,000 colour images of 32 x 32 pixels in 10 classes.

    Its files are pickles; torchvision opens none whose MD5 digest is not the published one.
    """

    name: Literal["cifar10"] = "cifar10"
    kind, folder, megabytes = "CIFAR10", "cifar-10-batches-py", 170


class CIFAR100(_CIFAR):
    """50,000 + 10,000 colour images of 32 x 32 pixels in 100 classes; files as for CIFAR-10."""

    name: Literal["cifar100"] = "cifar100"
    kind, folder, megabytes = "CIFAR100", "cifar-100-python", 169


def _channels_first(images: Tensor) -> Tensor:
    """(n, h, w) or (n, h, w, channels) to (n, channels, h, w)."""
    return images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.exists() else None
