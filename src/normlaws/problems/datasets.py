"""Data sets: raw images and labels, held in memory once as bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from normlaws.errors import DataNotFoundError, InputError, MissingExtraError, allowed

DIGITS_TEST = 450


@dataclass(frozen=True)
class DataSet:
    """Images and labels as they were loaded; normalisation constants of the training pool.

    Attributes:
        pool_images: (n, channels, height, width) uint8, from which validation and training come.
        pool_labels: (n,) int64 in [0, classes).
        test_images: (m, channels, height, width) uint8; only ever scored.
        test_labels: (m,) int64.
        classes: number of classes.
        mean: per-channel mean of the pool, in units of the raw values.
        std: per-channel standard deviation of the pool, likewise.
    """

    name: str
    pool_images: Tensor
    pool_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        channels, height, width = self.pool_images.shape[1:]
        return channels, height, width

    def normalised(self, images: Tensor, device: torch.device | str = "cpu") -> Tensor:
        """Bytes (n, channels, height, width) to float32 of zero mean and unit variance."""
        shape = (1, -1, 1, 1)
        mean = torch.tensor(self.mean, device=device).view(shape)
        std = torch.tensor(self.std, device=device).view(shape)
        return (images.to(device).float() - mean) / std


def load_data_set(name: str, root: Path | None = None) -> DataSet:
    """Load a data set by name.

    Args:
        name: one of :data:`DATA_SETS`.
        root: folder that holds, or shall hold, downloaded data; default ``$NORMLAWS_DATA``, else
            ``~/.cache/normlaws``. The embedded digits need none.

    Raises:
        InputError: the name is not known.
        DataNotFoundError: the data are not there and cannot be downloaded.
        MissingExtraError: the loader needs an extra that is not installed.
    """
    if name not in DATA_SETS:
        raise InputError(f"expected a data set {allowed(DATA_SETS)}, got {name!r}")
    default = Path(os.environ.get("NORMLAWS_DATA", Path.home() / ".cache" / "normlaws"))
    return DATA_SETS[name](root or default)


def _digits(root: Path) -> DataSet:
    """The 1,797 images of 8 x 8 pixels that scikit-learn ships (UCI optical digits)."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.from_numpy(bunch.images).to(torch.uint8).unsqueeze(1)  # (1797, 1, 8, 8)
    labels = torch.from_numpy(bunch.target).long()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    test, pool = order[:DIGITS_TEST], order[DIGITS_TEST:]
    return _data_set("digits", images[pool], labels[pool], images[test], labels[test])


def _mnist(root: Path) -> DataSet:
    """MNIST: 60,000 + 10,000 images of 28 x 28 pixels, through torchvision."""
    try:
        from torchvision.datasets import MNIST
    except ImportError:
        raise MissingExtraError("the data set mnist", "vision") from None
    try:
        train, test = (MNIST(str(root), train=part, download=True) for part in (True, False))
    except (RuntimeError, OSError) as error:
        raise DataNotFoundError(
            f"expected MNIST/raw below {root}, and it could not be downloaded there (about 12 MB): "
            f"{error}; give the folder that holds MNIST/raw as --data-root or NORMLAWS_DATA"
        ) from None
    return _data_set(
        "mnist", train.data.unsqueeze(1), train.targets, test.data.unsqueeze(1), test.targets
    )


def _data_set(
    name: str, pool: Tensor, pool_labels: Tensor, test: Tensor, test_labels: Tensor
) -> DataSet:
    values = pool.float()
    return DataSet(
        name=name,
        pool_images=pool,
        pool_labels=pool_labels.long(),
        test_images=test,
        test_labels=test_labels.long(),
        classes=int(pool_labels.max()) + 1,
        mean=tuple(values.mean(dim=(0, 2, 3)).tolist()),
        std=tuple(values.std(dim=(0, 2, 3)).tolist()),
    )


DATA_SETS: dict[str, Callable[[Path], DataSet]] = {"digits": _digits, "mnist": _mnist}
"""Loaders by name; adding a data set is adding a function here."""
