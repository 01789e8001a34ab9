"""Tasks of a plan, done by workers: long ones first, lost ones again, all stopped in good order."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from dataclasses import dataclass, replace

from normlaws.errors import StudyConflictError
from normlaws.storage.folder import StudyFolder
from normlaws.storage.lease import leased
from normlaws.studies.layout import Group
from normlaws.studies.perform import AGAIN, Options, is_done, write_failure
from normlaws.studies.workers import Statuses, Workers
from normlaws.training import RunSettings

POLL_SECONDS = 0.3
MOST_LOSSES = 3
"""Workers that a run may lose without getting further; one more, and it is recorded as failed."""


@dataclass(frozen=True)
class Task:
    """Runs that are trained together.

    Attributes:
        runs: their settings.
        losses: how often in succession their worker was lost without having got any further.
        furthest: optimiser steps of all of them when it was lost last.
    """

    runs: Group
    losses: int = 0
    furthest: int = 0

    @property
    def images(self) -> int:
        """Images that pass through the network in training: a measure of how long it takes."""
        return sum(run.steps * min(run.size, run.training.batch_size) for run in self.runs)


def longest_first(groups: Iterable[Group]) -> list[Group]:
    """Groups by the images that they train on, then by what they score at each record."""
    tasks = [Task(group) for group in groups]
    tasks.sort(key=lambda task: (task.images, max(run.size for run in task.runs)), reverse=True)
    return [task.runs for task in tasks]


def execute(
    groups: Iterable[Group],
    folder: StudyFolder,
    options: Options,
    workers: Workers,
    on_poll: Callable[[], None],
) -> None:
    """Do the groups, the longest first.

    A task whose worker is lost goes to another one, from its last checkpoint, up to
    :data:`MOST_LOSSES` times. On an exception or Ctrl-C, runs under way write a checkpoint.

    Raises:
        StudyConflictError: another process has begun to run this study.
        OSError: a worker cannot read or write files.
    """
    options = replace(options, session=folder.open_session())
    workers.begin(options)
    queue = _Queue(longest_first(groups), folder, options, workers)
    try:
        queue.work(on_poll)
    finally:
        with contextlib.suppress(OSError):  # workers then end with their own first write
            if folder.in_session(options.session):
                folder.close_session()
        queue.wait()


class _Queue:
    """Tasks that wait and tasks that are under way."""

    def __init__(
        self, groups: list[Group], folder: StudyFolder, options: Options, workers: Workers
    ) -> None:
        self._waiting = deque(Task(group) for group in groups)
        self._under_way: dict[Statuses, Task] = {}
        self._folder, self._options, self._workers = folder, options, workers

    def work(self, on_poll: Callable[[], None]) -> None:
        """Until all is done."""
        while self._waiting or self._under_way:
            self._workers.look_after()
            self._start()
            self._collect()
            on_poll()

    def wait(self) -> None:
        """Until none is under way, whatever came of them."""
        while wait(self._under_way, timeout=POLL_SECONDS).not_done:
            self._workers.look_after()

    def _start(self) -> None:
        while self._waiting:
            task = self._waiting[0]
            texts = [run.model_dump_json() for run in task.runs]
            future = self._workers.start(texts)
            if future is None:
                return
            self._under_way[future] = self._waiting.popleft()

    def _collect(self) -> None:
        if not self._under_way:
            time.sleep(POLL_SECONDS)
            return
        done = wait(self._under_way, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED).done
        for future in done:
            task = self._under_way.pop(future)
            error = CancelledError() if future.cancelled() else future.exception()
            if error is None:
                self._take(task, future.result())
            elif self._workers.is_loss(error):
                self._lose(task)
            else:
                raise error

    def _take(self, task: Task, statuses: list[str]) -> None:
        again = [run for run, status in zip(task.runs, statuses, strict=True) if status == AGAIN]
        if again:
            self._waiting.append(replace(task, runs=tuple(again)))
        if "unfinished" in statuses and not self._folder.session.exists():
            raise StudyConflictError(
                f"expected {self._folder.root} to stay while its runs are under way, but its files "
                "were removed, or another command took them over and has ended"
            )
        if "unfinished" in statuses:
            raise StudyConflictError(
                f"expected to be the only process that runs the study in {self._folder.root}, but "
                "another one has begun to; its runs under way were handed over"
            )

    def _lose(self, task: Task) -> None:
        """Repeat it next: together where it got further, else each run by itself."""
        reached = sum(self._step(run) for run in task.runs)
        if reached > task.furthest:
            self._waiting.appendleft(replace(task, losses=1, furthest=reached))
        elif task.losses == MOST_LOSSES:
            self._give_up(task)
        else:
            alone = [Task((run,), task.losses + 1, self._step(run)) for run in task.runs]
            self._waiting.extendleft(reversed(alone))

    def _step(self, run: RunSettings) -> int:
        return int(self._folder.run(run.run_id).known_record().get("step", 0))

    def _give_up(self, task: Task) -> None:
        message = (
            f"its worker process ended {MOST_LOSSES + 1} times at the same place; where it ran out "
            "of memory, lower training.batch_size, the model's widths or the number of workers"
        )
        for run in task.runs:
            run_folder = self._folder.run(run.run_id)
            with leased(run_folder.root, self._options.lease_seconds) as lease:
                if lease is not None and not is_done(run_folder):
                    write_failure(run_folder, run, message)
