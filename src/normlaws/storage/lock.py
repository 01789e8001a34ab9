"""One writer for each run."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import IO

from normlaws.errors import StudyConflictError
from normlaws.storage.flock import open_lock, try_lock, unlock

_held: weakref.WeakValueDictionary[Path, RunLock] = weakref.WeakValueDictionary()


class RunLock:
    """Holds a run's folder against other processes; the lock falls with the process.

    Within one process a later lock takes over, so that a notebook cell can be run again; the
    earlier holder finds its lock released.

    Raises:
        StudyConflictError: another live process holds the run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        earlier = _held.pop(self.folder, None)
        if earlier is not None:
            earlier.release()
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.fdopen(open_lock(self.folder / ".lock"), "r+", encoding="utf-8")
        if not try_lock(handle.fileno()):
            holder = _holder(handle)
            handle.close()
            raise StudyConflictError(
                f"expected {folder} to be free, but {holder} is recording that run; wait for it, "
                "stop it, or give another size, seed, settings or out"
            )
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        self._handle: IO[str] | None = handle
        self._process = os.getpid()
        _held[self.folder] = self

    @property
    def held(self) -> bool:
        """Whether the run may be written."""
        return self._handle is not None

    def release(self) -> None:
        """Let others write the run."""
        if self._handle is None:
            return
        if os.getpid() == self._process:  # a forked worker of a data loader shares the lock
            unlock(self._handle.fileno())
        self._handle.close()
        self._handle = None

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            self.release()


def _holder(handle: IO[str]) -> str:
    handle.seek(0)
    process = handle.read().strip()
    return f"process {process}" if process else "another process"
