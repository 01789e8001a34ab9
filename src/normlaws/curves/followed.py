"""Curves that are still being recorded, read again and again."""

from __future__ import annotations

from pathlib import Path

from normlaws.curves.curves import Curves
from normlaws.curves.files import Kept


class Followed:
    """Reads a place like :meth:`Curves.read`, but no run again whose files are the same.

    Args:
        path: as for :meth:`Curves.read`.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._kept: Kept = {}

    def read(self) -> Curves:
        """The curves as they are on disk now.

        Raises:
            DataNotFoundError: nothing recorded is there.
            CorruptFileError: a file is truncated or damaged.
            InputError: one run id with two different curves.
        """
        return Curves._read_all(self._path, self._kept)
