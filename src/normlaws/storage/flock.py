"""One answer to whether a file is locked, for studies and for runs."""

from __future__ import annotations

import contextlib


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
