"""Those who do the tasks of a study: processes of this machine, or any executor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Protocol

from normlaws.studies.devices import Devices, Place
from normlaws.studies.perform import Options, perform

Statuses = Future[list[str]]


class WorkerLostError(Exception):
    """A worker is gone, with the task that it had."""


class Workers(Protocol):
    """Places that do one task at a time each; they may come and go."""

    def begin(self, options: Options) -> None:
        """Told once, before the first task, what every task gets."""

    def start(self, settings_jsons: list[str]) -> Statuses | None:
        """Begin a task; ``None`` where all are busy."""

    def is_loss(self, error: BaseException) -> bool:
        """Whether a task ended with ``error`` because its worker did, so can be repeated."""

    def look_after(self) -> None:
        """Called about three times a second: give up tasks of lost workers, replace these."""

    def describe(self) -> str:
        """A few words on who they are."""


class ExecutorWorkers:
    """Any ``concurrent.futures.Executor``: it gets all tasks at once and looks after itself.

    Args:
        executor: its workers must see the study folder.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._options: Options | None = None

    def begin(self, options: Options) -> None:
        """Remember what every task gets."""
        self._options = options

    def start(self, settings_jsons: list[str]) -> Statuses | None:
        """Hand the task over."""
        assert self._options is not None
        return self._executor.submit(perform, settings_jsons, self._options)

    def is_loss(self, error: BaseException) -> bool:
        """Never: an executor that lost a worker takes no more tasks."""
        return False

    def look_after(self) -> None:
        """Nothing to be done."""

    def describe(self) -> str:
        """The kind of executor."""
        return type(self._executor).__name__


Start = Callable[[], AbstractContextManager[Executor]]


class LocalWorkers:
    """Processes of this machine, each by itself, so that one that is killed takes no other along.

    Args:
        count: how many.
        start: starts an executor of one process.
        device: dealt out among them, see :class:`Devices`.
    """

    def __init__(self, count: int, start: Start, device: str) -> None:
        self._slots = [_Slot(start) for _ in range(count)]
        devices, here = Devices(device), Place.here()
        self._devices = [devices.assign(str(index), here) for index in range(count)]
        self._options: list[Options] = []

    def begin(self, options: Options) -> None:
        """Give every process its device."""
        self._options = [replace(options, device=device) for device in self._devices]

    def start(self, settings_jsons: list[str]) -> Statuses | None:
        """Begin a task on an idle process."""
        for slot, options in zip(self._slots, self._options, strict=True):
            if slot.idle:
                return slot.submit(settings_jsons, options)
        return None

    def is_loss(self, error: BaseException) -> bool:
        """Whether the process ended."""
        return isinstance(error, BrokenExecutor)

    def look_after(self) -> None:
        """Nothing to be done: a slot starts another process when it needs one."""

    def describe(self) -> str:
        """How many processes there are."""
        count = len(self._slots)
        return f"{count} process{'es' if count > 1 else ''}"

    def close(self) -> None:
        """End the processes."""
        for slot in self._slots:
            slot.close()


class _Slot:
    """One process after another."""

    def __init__(self, start: Start) -> None:
        self._start, self._stack = start, ExitStack()
        self._executor: Executor | None = None
        self._task: Statuses | None = None

    @property
    def idle(self) -> bool:
        return self._task is None or self._task.done()

    def submit(self, settings_jsons: list[str], options: Options) -> Statuses:
        if self._task is not None and isinstance(self._task.exception(), BrokenExecutor):
            self.close()
        if self._executor is None:
            self._executor = self._stack.enter_context(self._start())
        self._task = self._executor.submit(perform, settings_jsons, options)
        return self._task

    def close(self) -> None:
        self._executor = None
        self._stack.close()


@contextmanager
def processes(count: int, start: Start, device: str) -> Iterator[LocalWorkers]:
    """:class:`LocalWorkers` that end with the block."""
    workers = LocalWorkers(count, start, device)
    try:
        yield workers
    finally:
        workers.close()
