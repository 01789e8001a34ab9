"""The right to write one run: held by one worker at a time, also where several believe they may.

The lease of a run is a folder ``.lease`` that holds one file, the token. Its name tells the holder
and counts its heartbeats, and everything is done by renaming it, which succeeds for one process
only, and only from the name that it has at that moment:

- *Claim*: a private folder with a token is renamed to ``.lease``; fails while that holds a token.
- *Beat*: the holder renames its token to the next number, from a thread, all the while.
- *Take over*: another renames the token to its own once the holder is dead: gone from this machine,
  or without a beat for ``seconds`` by the contender's own clock. A beat in between makes it fail.
- *Fence*: a holder beats once more before it puts any file into its place. One that slept, woke up
  and finds its token gone writes nothing more (see :func:`normlaws.storage.folder.fenced`).

Asked of the file system: that ``rename`` is atomic and done by the server, as POSIX file systems,
NFS from version 3 on, Lustre, GPFS and BeeGFS do. No clock is compared between machines, what a
cache still shows does no harm, and no file lock is used.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from normlaws.storage.folder import fenced, remove_unfinished

POLL_SECONDS = 0.1
BEATS = 6  # within the time after which a silent holder counts as dead
SEPARATOR = "~"


class LeaseLostError(Exception):
    """Another worker has taken the run over, because this one was silent for too long."""


class Lease:
    """A lease that is held; a thread keeps it until it is released."""

    def __init__(self, token: Path, seconds: float) -> None:
        self._token, self._lost = token, False
        self._one_at_a_time, self._released = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._keep, args=(seconds / BEATS,), daemon=True)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether it was found to belong to somebody else."""
        return self._lost

    def check(self) -> None:
        """Beat.

        Raises:
            LeaseLostError: it belongs to somebody else by now.
        """
        with self._one_at_a_time:
            self._lost = self._lost or not self._beat()
        if self._lost:
            raise LeaseLostError(f"{self._token.parent} was taken over by another worker")

    def _beat(self) -> bool:
        name, _, count = self._token.name.rpartition(SEPARATOR)
        renewed = self._token.with_name(f"{name}{SEPARATOR}{int(count) + 1}")
        if _renamed(self._token, renewed):
            self._token = renewed
            return True
        return False

    def release(self) -> None:
        """Let the next worker have the run."""
        self._released.set()
        self._thread.join()
        self._token.unlink(missing_ok=True)
        _remove_empty(self._token.parent)

    def _keep(self, pause: float) -> None:
        while not self._released.wait(pause):
            try:
                self.check()
            except LeaseLostError:
                return
            except OSError:  # a file server that does not answer now may answer the next time
                continue


@contextmanager
def leased(
    run: Path, seconds: float, give_up: Callable[[], bool] = lambda: False
) -> Iterator[Lease | None]:
    """Hold the lease of a run folder, and let no other process's files be replaced by ours.

    Waits while another worker holds it: until it is released, or until its holder is found dead.

    Args:
        run: the run's folder; made where it is not there.
        seconds: silence after which a holder counts as dead.
        give_up: asked while waiting.

    Yields:
        The lease; ``None`` where its holder is alive after twice ``seconds``, or on giving up.
    """
    token = _acquire(run, seconds, give_up)
    if token is None:
        yield None
        return
    lease = Lease(token, seconds)
    try:
        remove_unfinished(run)
        with fenced(run, lease.check):
            yield lease
    finally:
        lease.release()


def _acquire(run: Path, seconds: float, give_up: Callable[[], bool]) -> Path | None:
    ours = SEPARATOR.join((_machine(), str(os.getpid()), uuid.uuid4().hex, "0"))
    silence = _Silence()
    end = time.monotonic() + 2 * seconds
    while True:
        holder = _holder(run)
        if holder is None:
            if (token := _claimed(run, ours)) is not None:
                return token
        elif _is_dead(holder, silence, seconds) and _renamed(holder, holder.with_name(ours)):
            return holder.with_name(ours)
        if time.monotonic() > end or give_up():
            return None
        time.sleep(POLL_SECONDS)


def _claimed(run: Path, ours: str) -> Path | None:
    """Our token where the lease was free; an empty folder, as a killed release leaves it, is."""
    private, lease = run / f".{ours}", run / ".lease"
    private.mkdir(parents=True)
    (private / ours).touch()
    if os.name == "nt":  # does not rename over an empty folder
        _remove_empty(lease)
    try:
        os.rename(private, lease)
    except OSError:
        shutil.rmtree(private, ignore_errors=True)
        if not (lease / ours).exists():
            return None
    return lease / ours


def _renamed(old: Path, new: Path) -> bool:
    """Rename; false where ``old`` is not there, unless a request repeated by NFS did it before."""
    try:
        os.rename(old, new)
    except FileNotFoundError:
        return new.exists()
    return True


def _holder(run: Path) -> Path | None:
    try:
        return next((run / ".lease").glob(f"*{SEPARATOR}*{SEPARATOR}*{SEPARATOR}*"), None)
    except FileNotFoundError:
        return None


def _is_dead(holder: Path, silence: _Silence, seconds: float) -> bool:
    return _is_gone(holder) or silence.of(holder) >= seconds


def _is_gone(holder: Path) -> bool:
    """Whether the holder was a process of this machine that has ended."""
    machine, pid, *_ = holder.name.split(SEPARATOR)
    if machine != _machine() or os.name != "posix":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@cache
def _machine() -> str:
    """Host and boot, so that a restarted or equally named machine is another one."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    except OSError:
        boot = ""
    return f"{socket.gethostname()}-{boot}".replace(SEPARATOR, "-").replace(os.sep, "-")


class _Silence:
    """How long a holder has not beaten, by our own clock."""

    def __init__(self) -> None:
        self._seen, self._since = "", 0.0

    def of(self, holder: Path) -> float:
        if holder.name != self._seen:
            self._seen, self._since = holder.name, time.monotonic()
        return time.monotonic() - self._since


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
