"""Data sets: settings that load raw images and labels, held in memory once as bytes.

Adding a data set is adding a file here, naming its class in :data:`DataSettings`, and giving the
shared test suite a tiny sample.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from normlaws.errors import InputError, allowed
from normlaws.problems.datasets.arrays import Arrays
from normlaws.problems.datasets.associative_recall import AssociativeRecall
from normlaws.problems.datasets.custom import CustomData
from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.datasets.diagonal_regression import DiagonalRegression
from normlaws.problems.datasets.digits import Digits
from normlaws.problems.datasets.folder import ImageFolder, TinyImageNet
from normlaws.problems.datasets.in_context_regression import InContextRegression
from normlaws.problems.datasets.parquet import Parquet
from normlaws.problems.datasets.settings import Augmentation, DataSource
from normlaws.problems.datasets.single_location import SingleLocation
from normlaws.problems.datasets.teacher_student import TeacherStudent
from normlaws.problems.datasets.text import Text
from normlaws.problems.datasets.vision import CIFAR10, CIFAR100, MNIST, FashionMNIST

DataSettings = Annotated[
    Digits
    | MNIST
    | FashionMNIST
    | CIFAR10
    | CIFAR100
    | TinyImageNet
    | Parquet
    | Arrays
    | ImageFolder
    | CustomData
    | TeacherStudent
    | DiagonalRegression
    | AssociativeRecall
    | InContextRegression
    | SingleLocation
    | Text,
    Field(discriminator="name"),
]
"""Settings of any data set, told apart by ``name``."""

DATA_SETS: dict[str, type[DataSource]] = {
    kind.model_fields["name"].default: kind
    for kind in (
        Digits,
        MNIST,
        FashionMNIST,
        CIFAR10,
        CIFAR100,
        TinyImageNet,
        Parquet,
        Arrays,
        ImageFolder,
        CustomData,
        TeacherStudent,
        DiagonalRegression,
        AssociativeRecall,
        InContextRegression,
        SingleLocation,
        Text,
    )
}
"""The classes by the name of their data set."""


def load_data_set(name: str, root: Path | None = None, **options: Any) -> DataSet:
    """Load a data set by name.

    Args:
        name: one of :data:`DATA_SETS`.
        root: folder for downloaded data, and below which relative paths are
            looked up; default as in :func:`data_root`. The embedded digits need none.
        **options: further settings of the data set, such as ``path``.

    Raises:
        InputError: the name or an option is not accepted.
        DataNotFoundError: the data are not there and cannot be downloaded.
        CorruptFileError: a file is damaged.
        MissingExtraError: the loader needs an extra that is not installed.
    """
    if name not in DATA_SETS:
        raise InputError(f"expected a data set {allowed(DATA_SETS)}, got {name!r}")
    return DATA_SETS[name].model_validate({"validation": 1, **options}).load(data_root(root))


def data_root(root: Path | None = None) -> Path:
    """``root``, else ``$NORMLAWS_DATA``, else ``~/.cache/normlaws``."""
    default = os.environ.get("NORMLAWS_DATA", Path.home() / ".cache" / "normlaws")
    return root or Path(default)


__all__ = [
    "CIFAR10",
    "CIFAR100",
    "DATA_SETS",
    "MNIST",
    "Arrays",
    "AssociativeRecall",
    "Augmentation",
    "CustomData",
    "DataSet",
    "DataSettings",
    "DataSource",
    "DiagonalRegression",
    "Digits",
    "FashionMNIST",
    "ImageFolder",
    "InContextRegression",
    "Parquet",
    "SingleLocation",
    "TeacherStudent",
    "Text",
    "TinyImageNet",
    "data_root",
    "load_data_set",
]
