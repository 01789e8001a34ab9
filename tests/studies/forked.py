"""Processes that are ready at once: forked from one that has imported everything.

A study is run, killed and run again hundreds of times in tests; starting Python and PyTorch each
time would be nearly all of the work. The forked ones are processes of their own, in sessions of
their own, and are killed as any other.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([
    "normlaws.studies", "normlaws.studies.perform", "normlaws.laws", "sklearn.datasets", "loky",
    "distributed.cli.dask_worker", "distributed.cli.dask_scheduler", "slow_model",
])  # fmt: skip


class Forked:
    """A process that calls a function, with as much of ``Popen`` as is needed.

    Args:
        function: called with ``arguments``; of a module, so that the process finds it.
        output: file that takes what it writes.
        environment: its variables.
    """

    def __init__(
        self,
        function: Callable[..., object],
        *arguments: Any,
        output: Path,
        environment: dict[str, str],
    ) -> None:
        self.output = output
        output.touch()  # there also where the process is killed before it has begun
        self._process = _SERVER.Process(
            target=_child, args=(function, arguments, str(output), environment)
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """``None`` while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Until it has ended."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a forked process", timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """To the process alone."""
        os.kill(self.pid, number)

    def kill_group(self) -> None:
        """The process, and all that it started."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:  # not yet in a session of its own, or gone
            os.kill(self.pid, signal.SIGKILL)


def _child(
    function: Callable[..., object], arguments: tuple[Any, ...], output: str, environment: Any
) -> None:
    os.setsid()
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.environ.clear()
    os.environ.update(environment)
    for path in reversed(environment.get("PYTHONPATH", "").split(os.pathsep)):
        if path and path not in sys.path:
            sys.path.insert(0, path)
    function(*arguments)


def dask_command(what: str, arguments: list[str]) -> None:
    """``dask scheduler`` or ``dask worker``, as its command does it."""
    import dask
    from distributed.utils import import_term

    dask.config.refresh()  # the environment is another than when dask was imported
    import_term(f"distributed.cli.dask_{what}.main")(args=arguments, prog_name=f"dask {what}")
