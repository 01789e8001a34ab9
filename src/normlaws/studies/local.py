"""Worker processes of this machine."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from normlaws.errors import InputError


@contextmanager
def local_workers(workers: int | None, tasks: int) -> Iterator[Executor]:
    """Processes of one thread each, which end when this process does.

    Raises:
        InputError: ``workers`` is less than 1.
    """
    from loky import ProcessPoolExecutor

    if workers is not None and workers < 1:
        raise InputError(f"expected at least 1 worker, got {workers}; leave it out for one a core")
    count = min(workers or available_cores(), tasks)
    pool = ProcessPoolExecutor(
        count, initializer=_start_worker, initargs=(os.getpid(),), env={"OMP_NUM_THREADS": "1"}
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start_worker(parent: int) -> None:
    """One thread of arithmetic; leave Ctrl-C to the parent, and end when the parent is gone."""
    import signal

    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
