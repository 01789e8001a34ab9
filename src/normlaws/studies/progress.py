"""How far a study is, read from its run records."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from normlaws.folder import StudyFolder
from normlaws.studies.settings import StudySettings


class Progress:
    """A bar on a terminal's stderr, in optimiser steps of all runs together, with time left.

    The records in the study folder are the only channel, so that runs done elsewhere count too.
    """

    def __init__(self, settings: StudySettings, folder: StudyFolder, visible: bool) -> None:
        self._steps = {run.run_id: run.steps for run in settings.runs()}
        self._active = set(self._steps)
        self._total, self._folder = len(self._active), folder
        self._failed = 0
        console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("runs"),
            TimeElapsedColumn(),
            TextColumn("elapsed,"),
            TimeRemainingColumn(),
            TextColumn("left{task.fields[failed]}"),
            console=console,
            disable=not (visible and console.is_terminal),
        )
        self._task = self._bar.add_task(settings.name, total=self._total, failed="")

    def __enter__(self) -> Progress:
        self._bar.start()
        self.update()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def update(self) -> None:
        """Read the records of the runs that were not finished at the last look."""
        under_way = 0.0
        for run in sorted(self._active):
            record = self._folder.run(run).read_record()
            status = record.get("status")
            if status in ("complete", "diverged", "failed"):
                self._active.discard(run)
                self._failed += status == "failed"
            else:
                under_way += record.get("step", 0) / self._steps[run]
        failed = f", {self._failed} failed" if self._failed else ""
        finished = self._total - len(self._active)
        self._bar.update(self._task, completed=finished + under_way, failed=failed)
