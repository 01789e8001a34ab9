"""One answer to whether a file is locked, for studies and for runs."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from normlaws.errors import StudyConflictError, printable


def open_lock(path: Path) -> int:
    """A descriptor of a lock's file, made where there is none; pipes are not waited for.

    Raises:
        StudyConflictError: something else than a plain file is there.
        OSError: the file cannot be opened or made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StudyConflictError(
            f"expected {printable(path)} to be a plain file that serves as a lock, but it is "
            "something else; remove it"
        )
    return descriptor


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock of an open file; ``False`` where another process holds it.

    Where locks are unknown, the answer is ``True``: on Windows, and on a file system that fails in
    any other way than "would block" (ENOSYS, ENOTSUP, ENOLCK). Files are still replaced whole
    there, but a second writer is not noticed.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def unlock(descriptor: int) -> None:
    """Give the lock back, where there is one."""
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_UN)
