"""Folders of image files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from normlaws.errors import CorruptFileError, DataNotFoundError
from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.datasets.images import Encoded, EncodedImages
from normlaws.problems.datasets.settings import existing
from normlaws.storage.reading import MAX_TABLE, check_plain, content, reading

SUFFIXES = {".jpeg", ".jpg", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".gif", ".tif", ".tiff"}
Labelled = tuple[Path, int]


class _Files(EncodedImages):
    def _read(self, files: list[Labelled]) -> tuple[Tensor, Tensor]:
        images = self._decoded([_encoded(path) for path, _ in files])
        return images, torch.tensor([label for _, label in files], dtype=torch.int64)


class ImageFolder(_Files):
    """``path/train/<class>/…`` and ``path/<test>/<class>/…``, at any depth below the class.

    Classes are numbered in the order of their names, as torchvision's ``ImageFolder`` does.
    """

    name: Literal["folder"] = "folder"
    path: str = Field(description="below the data root, or absolute")
    train: str = "train"
    test: str = "test"

    def load(self, root: Path) -> DataSet:
        """Decode every image into memory."""
        folder = existing(root / self.path, "a folder of images")
        pool = existing(folder / self.train, "the folder of training images")
        classes = sorted(entry.name for entry in pool.iterdir() if entry.is_dir())
        number = {name: index for index, name in enumerate(classes)}
        test = existing(folder / self.test, "the folder of test images")
        parts = _below_classes(pool, number), _below_classes(test, number)
        return DataSet.of(self.name, *self._read(parts[0]), *self._read(parts[1]))


class TinyImageNet(_Files):
    """100,000 + 10,000 colour images of 64 x 64 pixels in 200 classes, as unpacked.

    Its validation split, whose labels stand in ``val_annotations.txt``, serves as the test split.
    """

    name: Literal["tiny-imagenet"] = "tiny-imagenet"
    path: str = Field(default="tiny-imagenet-200", description="below the data root, or absolute")

    def load(self, root: Path) -> DataSet:
        """Decode every image into memory: 1.4 GB."""
        folder = root / self.path
        if not folder.exists():
            raise DataNotFoundError(
                f"expected {self.path} below {root} (237 MB to download, 500 MB on disk); "
                "fetch it with: curl -O http://cs231n.stanford.edu/tiny-imagenet-200.zip && unzip "
                f"-q tiny-imagenet-200.zip -d {root}, or give its folder as --data-root"
            )
        pool = existing(folder / "train", "the training images")
        names = sorted(entry.name for entry in pool.iterdir() if entry.is_dir())
        number = {name: index for index, name in enumerate(names)}
        test = list(_annotated(folder / "val", number))
        return DataSet.of(self.name, *self._read(_below_classes(pool, number)), *self._read(test))


def _encoded(path: Path) -> Encoded:
    length = check_plain(path, "an image", MAX_TABLE)
    return Encoded(str(path), length, lambda: content(path, "an image", MAX_TABLE))


def _below_classes(folder: Path, number: dict[str, int]) -> list[Labelled]:
    """Every image file with its label, in the order of the names."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            name = path.relative_to(folder).parts[0]
            if name not in number:
                raise CorruptFileError(
                    f"expected only the classes of the training images in {folder}, got {name}"
                )
            found.append((path, number[name]))
    if not found:
        raise DataNotFoundError(f"expected images in folders named by class below {folder}")
    return found


def _annotated(folder: Path, number: dict[str, int]) -> Iterator[Labelled]:
    """Images of a validation folder, labelled by its table (file name, class, box)."""
    table = existing(folder / "val_annotations.txt", "the labels of the validation images")
    with reading("the labels of the validation images", table):
        lines = content(table, "the labels of the validation images").decode().splitlines()
    for line in lines:
        name, label, *_ = [*line.split("\t"), ""]
        if label not in number:
            raise CorruptFileError(
                f"expected lines of file name, class, … in {table}, got {line[:60]!r}"
            )
        yield existing(folder / "images" / name, "a validation image"), number[label]
