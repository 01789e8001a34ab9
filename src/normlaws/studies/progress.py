"""How far a study is, read from the records in its folder: the only channel, wherever it runs."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from normlaws.storage.folder import RunFolder, StudyFolder
from normlaws.training import RunSettings
from normlaws.training.schedule import log_spaced_steps
from normlaws.training.scoring import TRAINING_COST

WINDOW_SECONDS = 60.0
SHORTEST_SECONDS = 2.0
"""Rates are those of the last minute, and not told before this time."""

ENDED = ("complete", "diverged", "failed")


@dataclass(frozen=True)
class RunState:
    """One run under way, or just ended.

    Attributes:
        step: optimiser steps taken, of ``steps``.
        images_per_second: training images; ``None`` before there is a rate.
        test_error: at the last record, as a fraction; ``None`` before there is one.
        log_norm: natural logarithm of the spectral complexity there.
        status, error: how it stands, and why it failed.
    """

    size: int
    seed: int
    step: int
    steps: int
    images_per_second: float | None
    test_error: float | None
    log_norm: float | None
    status: str = "unfinished"
    error: str = ""


@dataclass(frozen=True)
class StudyState:
    """A study at one moment.

    Attributes:
        total: number of runs.
        ended: those that are complete, diverged or failed.
        failed: those that failed.
        share: of all training images, those that were trained on, in [0, 1].
        images_per_second: of all workers together; ``None`` before there is a rate.
        seconds_left: until all runs have ended, where training and scoring go on as in the last
            minute.
        under_way: runs that a worker has, the largest and furthest first.
        finished: runs that ended since the last look.
    """

    total: int
    ended: int
    failed: int
    share: float
    images_per_second: float | None
    seconds_left: float | None
    under_way: list[RunState]
    finished: list[RunState] = field(default_factory=list)


class Rate:
    """Growth per second of a number, over the last minute."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def add(self, now: float, value: float) -> None:
        """Take a value; one that has fallen begins anew."""
        if self._seen and value < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, value))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW_SECONDS:
            self._seen.popleft()

    @property
    def value(self) -> float | None:
        """``None`` before two values lie :data:`SHORTEST_SECONDS` apart."""
        if not self._seen:
            return None
        (start, first), (end, last) = self._seen[0], self._seen[-1]
        return (last - first) / (end - start) if end - start >= SHORTEST_SECONDS else None


@dataclass
class _Watched:
    """What is known of one run."""

    settings: RunSettings
    folder: RunFolder
    record: dict[str, object] = field(default_factory=dict)
    written: int = 0
    rate: Rate = field(default_factory=Rate)

    def __post_init__(self) -> None:
        self._records = log_spaced_steps(self.settings.steps, self.settings.training.records)

    @property
    def batch(self) -> int:
        return min(self.settings.training.batch_size, self.settings.size)

    @property
    def images(self) -> int:
        return self.settings.steps * self.batch

    @property
    def trained(self) -> int:
        """Images; all of them where nothing more will be trained."""
        return self.images if self.ended else self.step * self.batch

    @property
    def step(self) -> int:
        step = self.record.get("step", 0)
        return step if isinstance(step, int) else 0

    @property
    def scored(self) -> int | None:
        """Images scored at each record; ``None`` before the run has told."""
        found = self.record.get("scored")
        return sum(found.values()) if isinstance(found, dict) else None

    def work(self, default: int) -> tuple[float, float]:
        """Done and left, in training images: those, and what records score at its cost.

        Records are dense in the first steps, where scoring takes nearly all of the time. A run
        that has not told scores ``default`` images.
        """
        scored = self.scored if self.scored is not None else default
        records = bisect_right(self._records, self.step) if self.record else 0
        each = scored / TRAINING_COST
        done = self.step * self.batch + records * each
        left = self.images + len(self._records) * each - done
        return done, 0.0 if self.ended else left

    @property
    def ended(self) -> bool:
        return self.record.get("status") in ENDED

    def look(self) -> None:
        """Read the record where it was written anew."""
        try:
            written = self.folder.record.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if written != self.written:
            self.written, self.record = written, self.folder.known_record()
            self.rate.add(written / 1e9, self.step * self.batch)

    def state(self) -> RunState:
        last = self.record.get("last")
        values = last if isinstance(last, dict) else {}
        return RunState(
            size=self.settings.size,
            seed=self.settings.seed,
            step=self.step,
            steps=self.settings.steps,
            images_per_second=self.rate.value,
            test_error=values.get("test_error"),
            log_norm=values.get("log_spectral_complexity"),
            status=str(self.record.get("status", "unfinished")),
            error=str(self.record.get("error") or ""),
        )


class Watch:
    """Looks at a study's records, and only at those that may have changed.

    Args:
        runs: all runs of the study.
        folder: where it is.
    """

    def __init__(self, runs: Iterable[RunSettings], folder: StudyFolder) -> None:
        watched = [_Watched(run, folder.run(run.run_id)) for run in runs]
        for run in watched:
            run.look()
            if run.record.get("status") == "failed":  # is tried again
                run.record = {}
        self._all = watched
        self._active = [run for run in watched if not run.ended]
        self._total = sum(run.images for run in watched)
        self._rate, self._pace = Rate(), Rate()
        self._take_rates()

    def look(self) -> StudyState:
        """The present state."""
        for run in self._active:
            run.look()
        finished = [run.state() for run in self._active if run.ended]
        self._active = [run for run in self._active if not run.ended]
        trained = sum(run.trained for run in self._all)
        left = self._take_rates()
        pace = self._pace.value
        return StudyState(
            total=len(self._all),
            ended=len(self._all) - len(self._active),
            failed=sum(run.record.get("status") == "failed" for run in self._all),
            share=trained / self._total,
            images_per_second=self._rate.value,
            seconds_left=left / pace if pace else None,
            under_way=[run.state() for run in self._active if run.folder.lease.exists()],
            finished=finished,
        )

    def _take_rates(self) -> float:
        """Of training images and of all work, whose rest is returned."""
        now = time.monotonic()
        self._rate.add(now, sum(run.step * run.batch for run in self._all))
        told = max((run.scored for run in self._all if run.scored is not None), default=0)
        work = [run.work(told) for run in self._all]
        self._pace.add(now, sum(done for done, _ in work))
        return sum(left for _, left in work)
