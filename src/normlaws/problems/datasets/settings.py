"""What every data set's settings have: how much is held out and scored, and augmentation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from normlaws.errors import DataNotFoundError
from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.settings import Settings, added

Count = Annotated[int, Field(ge=1)]


class Augmentation(Settings):
    """Random changes of training batches; examples are scored without them.

    What moves in from beyond the border is 0, the pixels' black, as in torchvision.
    """

    crop: int = Field(default=0, ge=0, description="random shift of up to so many whole pixels")
    flip: bool = Field(default=False, description="mirror left and right with probability 1/2")
    rotate: float = Field(default=0.0, ge=0, le=180, description="up to so many degrees, each way")
    translate: float = Field(
        default=0.0, ge=0, le=1, description="shift of up to this fraction of each side"
    )


class DataSource(Settings):
    """Base: which data, how much is held out, how much of each split is scored at a record."""

    name: str
    validation: Count = Field(description="examples held out of the pool to select the optimum")
    split_seed: int = Field(default=0, description="of the validation split")
    scored_train: Count | None = Field(default=None, description="first training examples scored")
    scored_test: Count | None = Field(default=None, description="first test examples scored")
    augment: Augmentation | None = Field(default=None, description="of training batches only")
    label_noise: float = added(
        0.0, ge=0, lt=1, description="fraction of training labels replaced by another class"
    )

    def load(self, root: Path) -> DataSet:
        """Read everything into memory.

        Args:
            root: folder of downloaded data, below which relative paths are looked up.

        Raises:
            DataNotFoundError: the data are not there and cannot be downloaded.
            CorruptFileError: a file is damaged; the message names it.
            MissingExtraError: the loader needs an extra that is not installed.
            InputError: what is there does not fit the settings.
        """
        raise TypeError("a data set defines how it is loaded")


def existing(path: Path, what: str) -> Path:
    """``path``, which must be there.

    Raises:
        DataNotFoundError: it is not; the message says where it was looked for.
    """
    if path.exists():
        return path
    raise DataNotFoundError(
        f"expected {what} at {path}, but nothing is there; a relative path is looked up below the "
        "folder given as --data-root or NORMLAWS_DATA"
    )
