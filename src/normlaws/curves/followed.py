"""Curves that are still being recorded, read again and again."""

from __future__ import annotations

from pathlib import Path

from normlaws.curves.curves import Curves
from normlaws.curves.files import Kept
from normlaws.storage.folder import StudyFolder, is_finished


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

    def finished(self) -> set[str]:
        """Folders of the runs that were found finished, their curves as they were recorded."""
        return {folder.name for folder, (_, run) in self._kept.items() if is_finished(run.record)}

    def contents(self) -> str:
        """:meth:`StudyFolder.contents`, of what was read and is not read again."""
        read = {folder: (run.record_digest, run.digest) for folder, (_, run) in self._kept.items()}
        return StudyFolder(Path(self._path)).contents(read)
