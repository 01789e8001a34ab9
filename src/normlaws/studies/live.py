"""The view of a study under way: a table on a terminal, a line per finished run in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from normlaws.errors import printable
from normlaws.studies.progress import RunState, StudyState, Watch

LOOK_SECONDS = 1.0
LINE_SECONDS = 60.0
MOST_ROWS = 12
NARROW = 64


class View:
    """Shows on stderr how far a study is.

    Args:
        name: of the study.
        watch: reads its state.
        workers: says who does the runs.
        visible: whether anything is shown.
    """

    def __init__(
        self, name: str, watch: Watch, workers: Callable[[], str], visible: bool = True
    ) -> None:
        self._name, self._watch, self._workers = name, watch, workers
        self._console = Console(stderr=True)
        self._visible = visible
        self._live: Live | None = None
        self._next_look, self._next_line = 0.0, time.monotonic() + LINE_SECONDS

    def __enter__(self) -> View:
        if self._visible and self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        self.update()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._next_look = 0.0
        self.update()
        if self._live is not None:
            self._live.stop()

    def update(self) -> None:
        """Look and show, where the time for it has come."""
        now = time.monotonic()
        if not self._visible or now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        if self._live is not None:
            width, height = self._console.size
            shown = table(self._name, self._watch.look(), self._workers(), width, height)
            self._live.update(shown, refresh=True)
            return
        state = self._watch.look()
        for run in state.finished:
            self._line(f"{ended(run)} ({summary(state)})")
        if state.finished:
            self._next_line = now + LINE_SECONDS
        if now >= self._next_line:
            self._next_line = now + LINE_SECONDS
            self._line(f"{summary(state)} ({self._workers()})")

    def _line(self, text: str) -> None:
        self._console.print(f"{self._name}: {text}", highlight=False, soft_wrap=True, markup=False)


def ended(run: RunState) -> str:
    """A run that ended, in one line: which, how, with what error."""
    said = f"P = {run.size:,}, seed {run.seed}: {run.status} at step {run.step:,}"
    if run.error:
        return f"{said}, {printable(' '.join(run.error.split()))}"
    return said if run.test_error is None else f"{said}, test error {run.test_error:.4g}"


def summary(state: StudyState) -> str:
    """Runs, throughput and time left, in one line."""
    parts = [f"{state.ended}/{state.total} runs"]
    if state.failed:
        parts.append(f"{state.failed} failed")
    if state.images_per_second:
        parts.append(f"{state.images_per_second:,.0f} images/s")
    if state.seconds_left is not None:
        parts.append(f"{duration(state.seconds_left)} left")
    return ", ".join(parts)


def table(name: str, state: StudyState, workers: str, width: int, height: int) -> RenderableType:
    """What a terminal of ``width`` x ``height`` characters shows; never wider."""
    line = f"{summary(state)}" if width < NARROW else f"{summary(state)}; {workers}"
    header = Text(f"{name}: ", style="bold", overflow="fold")
    header.append(line, style="not bold")
    bar = Table.grid()
    bar.add_row(ProgressBar(total=1.0, completed=state.share, width=width))
    room = max(1, min(MOST_ROWS, height - 4 - len(header.wrap(Console(), width))))
    parts: list[RenderableType] = [header, bar]
    if state.under_way:
        parts.append(_runs(state.under_way[:room], width))
    if len(state.under_way) > room:
        parts.append(Text(f"and {len(state.under_way) - room} more"))
    return Group(*parts)


def _runs(runs: list[RunState], width: int) -> Table:
    wide = width >= NARROW
    found = Table(box=None, pad_edge=False, padding=(0, 2 if wide else 1, 0, 0))
    names = ["P", "seed", "step", "error", "log norm", "images/s"]
    for name in names if wide else names[:4]:
        found.add_column(name, justify="right", no_wrap=True, overflow="ellipsis")
    for run in runs:
        percent = f"{run.step / run.steps:.0%}"
        cells = [
            f"{run.size:,}",
            str(run.seed),
            f"{run.step:,}/{run.steps:,}" if wide else percent,
            _number(run.test_error, ".4f"),
            _number(run.log_norm, ".2f"),
            _number(run.images_per_second, ",.0f"),
        ]
        found.add_row(*(cells if wide else cells[:4]))
    return found


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def duration(seconds: float) -> str:
    """Two of days, hours, minutes and seconds: ``1 d 4 h``, ``2 h 5 min``, ``3 min 10 s``."""
    units = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
    whole = round(seconds)
    for (large, length), (small, part) in pairwise(units):
        if whole >= length:
            return f"{whole // length} {large} {whole % length // part} {small}"
    return f"{whole} s"
