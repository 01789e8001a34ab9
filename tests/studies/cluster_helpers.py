"""A real cluster on this machine: a scheduler and worker processes, to be killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from distributed.utils import json_load_robust

import normlaws

sys.path.insert(0, str(Path(__file__).parent))  # forked processes find their modules by these names

from forked import Forked, dask_command

SOURCE = str(Path(normlaws.__file__).parents[1])
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join((SOURCE, str(Path(__file__).parent))),
    "OMP_NUM_THREADS": "1",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "2s",  # how long a client tries to reconnect
}
LOOPBACK = "127.0.0.1"


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


class Cluster:
    """``dask scheduler`` and ``dask worker`` as a user starts them, on loopback alone."""

    def __init__(self, folder: Path, workers: int, **environment: str) -> None:
        self._folder, self._file = folder, folder / "scheduler.json"
        self._environment = ENVIRONMENT | environment
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", self._file)
        self.workers = [self.add_worker() for _ in range(workers)]
        written = json_load_robust(self._file, timeout=120)  # the file exists before it is filled
        self.address = written["address"]

    def add_worker(self) -> Forked:
        return self._start(
            "worker", "--scheduler-file", self._file, "--nthreads", "1", "--no-nanny",
            "--local-directory", self._folder, "--preload", "normlaws.studies",
        )  # fmt: skip

    def kill_worker(self, pid: int) -> None:
        self._kill(next(worker for worker in self.workers if worker.pid == pid))

    def kill_scheduler(self) -> None:
        self._kill(self.scheduler)

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            if process.poll() is None:
                self._kill(process)

    def _start(self, what: str, *arguments: object) -> Forked:
        given = ["--host", LOOPBACK, "--no-dashboard", *map(str, arguments)]
        log = self._folder / "log.txt"
        return Forked(dask_command, what, given, output=log, environment=self._environment)

    def _kill(self, process: Forked) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait()


def holders(out: Path) -> dict[str, int]:
    """Process id of the worker that has each run under way, by the run's id."""
    return {
        token.parent.parent.name: int(token.name.split("~")[1])
        for token in out.glob("runs/*/.lease/*")
    }
