"""Worker processes of this machine."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from normlaws.extras import needed

with needed("a study that trains networks", "torch"):
    import torch

ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # the most that glibc takes
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
}
"""Of the C library on Linux: keep freed memory for the next feature map, up to a gigabyte a worker.

By default it goes back to the system and comes again as new, zeroed pages in every step
(``benchmarks/allocator.py``).
"""
TRACKER = "ignore:resource_tracker:UserWarning"
"""Warnings of the process that removes what dead workers leave: of semaphores gone before it came.

They would follow the one sentence with which a command ends.
"""
_ENVIRONMENT = threading.Lock()


@contextmanager
def local_workers(processes: int, threads: int) -> Iterator[Executor]:
    """Processes with so many threads of arithmetic each, which end when this process does."""
    from loky import ProcessPoolExecutor

    with _ignored_warnings(TRACKER):  # the pool starts the tracker, which reads them there
        pool = ProcessPoolExecutor(
            processes,
            initializer=_start_worker,
            initargs=(os.getpid(), threads),
            env={"OMP_NUM_THREADS": str(threads)}
            | {name: os.environ.get(name, value) for name, value in ALLOCATOR.items()},
        )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, kill_workers=True)


@contextmanager
def arithmetic_threads(count: int | None) -> Iterator[None]:
    """So many threads of PyTorch in this process; as many as it has where ``None``."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _ignored_warnings(rule: str) -> Iterator[None]:
    """Processes that are started meanwhile ignore these warnings, by ``PYTHONWARNINGS``."""
    with _ENVIRONMENT:
        before = os.environ.get("PYTHONWARNINGS")
        os.environ["PYTHONWARNINGS"] = f"{before},{rule}" if before else rule
        try:
            yield
        finally:
            if before is None:
                del os.environ["PYTHONWARNINGS"]
            else:
                os.environ["PYTHONWARNINGS"] = before


def _start_worker(parent: int, threads: int) -> None:
    """Set the threads; leave Ctrl-C to the parent, and end when the parent is gone."""
    import signal

    torch.set_num_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
