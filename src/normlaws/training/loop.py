"""Steps, records and checkpoints of runs that advance together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import cycle

import torch

from normlaws.training.execution import Execution
from normlaws.training.replica import Replica
from normlaws.training.schedule import log_spaced_steps

NOTICE_SECONDS = 0.5
WORD_SHARE, LONGEST_SILENCE = 20, 5.0
"""A run tells how far it is every twentieth of its time so far, and every five seconds at least."""


class Loop:
    """Runs that are at the same step, of equally many steps and records.

    Args:
        replicas: the runs.
        advance: takes one optimiser step of all of them.
        execution: how often to keep a checkpoint, and whom to ask whether to stop.
    """

    def __init__(
        self, replicas: Sequence[Replica], advance: Callable[[], None], execution: Execution
    ) -> None:
        self._replicas, self._advance, self._execution = replicas, advance, execution
        first = replicas[0].settings
        self._record_steps = set(log_spaced_steps(first.steps, first.training.records))
        self._notices = cycle(replicas)
        self._charged = time.monotonic()
        self._began = self._next_notice = self._next_word = self._charged
        self._next_checkpoint = self._charged + execution.checkpoint_seconds

    def work(self, until: int | None = None) -> bool:
        """Step and record until a run has ended or step ``until`` is reached.

        Returns:
            False where the loop was asked to stop before that.
        """
        if not self._replicas[0].rows:
            torch.manual_seed(self._replicas[0].settings.seed)
            self._record()
        while all(replica.unfinished for replica in self._replicas):
            if self._replicas[0].step == until:
                break
            self._advance()
            if self._replicas[0].step in self._record_steps:
                self._record()
            if self._interrupted():
                self._charge()
                return False
        self._charge()
        return True

    def _record(self) -> None:
        rows = [replica.measured() for replica in self._replicas]
        self._charge()
        for replica, row in zip(self._replicas, rows, strict=True):
            replica.take(row)

    def _charge(self) -> None:
        """Book the time since the last call, in equal shares."""
        now = time.monotonic()
        for replica in self._replicas:
            replica.seconds += (now - self._charged) / len(self._replicas)
        self._charged = now

    def _interrupted(self) -> bool:
        """Twice a second: tell how far a run is, keep checkpoints, ask whether to stop."""
        now = time.monotonic()
        if now < self._next_notice or not all(replica.unfinished for replica in self._replicas):
            return False
        self._next_notice = now + NOTICE_SECONDS
        if now >= self._next_checkpoint:
            for replica in self._replicas:
                replica.save()
            self._next_checkpoint = time.monotonic() + self._execution.checkpoint_seconds
        elif now >= self._next_word:
            next(self._notices).write_record()
            self._next_word = now + min(LONGEST_SILENCE, (now - self._began) / WORD_SHARE)
        return self._execution.stop()
