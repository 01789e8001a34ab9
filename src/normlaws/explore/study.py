"""The study behind the page: its curves as they are on disk now, and the fits asked of them."""

from __future__ import annotations

import glob
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from normlaws.curves import Curves
from normlaws.curves.failures import commonest_failure
from normlaws.curves.followed import Followed
from normlaws.errors import InputError, NormlawsError
from normlaws.explore.state import Span, State
from normlaws.laws import Laws, fit

KEPT = 128  # fits


@dataclass(frozen=True)
class Question:
    """What a fit depends on; equal questions have equal answers."""

    version: int
    norm: str
    metric: str
    seeds: tuple[int, ...] | None
    cut: tuple[int, int] | None
    window: Span | None

    @classmethod
    def of(cls, state: State, version: int) -> Question:
        """The question that a state of the page asks."""
        return cls(version, state.norm, state.metric, state.seeds, state.cut, state.window)


@dataclass
class Study:
    """A study that may still be running.

    Args:
        path: study folder, run folder, Parquet file or glob pattern.
        resamples: of the seeds, for intervals.
        read: how the place is read, where it is a table; as curves by default.

    Raises:
        DataNotFoundError: nothing recorded is there.
        CorruptFileError: a file is truncated or damaged.
        InputError: the curves hold no error and no loss.
    """

    path: Path
    resamples: int = 1000
    read: Callable[[], Curves] | None = None
    version: int = 0
    trouble: str = ""
    _answers: OrderedDict[tuple[Question, bool], Laws | str] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)
    _at_work: dict[tuple[Question, bool], Lock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._followed = Followed(self.path)
        self._stamp = self._on_disk()
        self.curves = self._read()

    def reload(self) -> bool:
        """Read again what changed on disk; whether anything did.

        What cannot be read leaves the curves as they were, and ``trouble`` says why.
        """
        stamp = self._on_disk()
        with self._lock:
            if stamp == self._stamp:
                return False
            try:
                self.curves, self.trouble = self._read(), ""
            except NormlawsError as error:
                self.trouble = str(error)
                return False
            self._stamp, self.version = stamp, self.version + 1
            return True

    def fitted(self, question: Question, intervals: bool = False) -> Laws | str:
        """The laws, or the sentence that says why there are none.

        Whoever asks while another computes the same waits for that one's answer.
        """
        key = (question, intervals)
        with self._lock:
            known = self._answers.get(key)
            if known is not None:
                return known
            mine = self._at_work.setdefault(key, Lock())
        with mine:
            known = self._answers.get(key)
            return known if known is not None else self._computed(key)

    def has_intervals(self, question: Question) -> bool:
        """Whether the laws with intervals are known already."""
        return (question, True) in self._answers

    def best(self, question: Question) -> tuple[Laws | str, bool]:
        """The laws with intervals where they are known already, else without; and whether so."""
        known = self._answers.get((question, True))
        return (self.fitted(question), True) if known is None else (known, False)

    def answer(self, state: State) -> Laws | str:
        """The best laws for a state of the page, or the sentence that says why there are none."""
        return self.best(Question.of(state, self.version))[0]

    def _computed(self, key: tuple[Question, bool]) -> Laws | str:
        question, intervals = key
        try:
            answer = self._fit(question, self.resamples if intervals else 0)
            with self._lock:
                self._answers[key] = answer
                while len(self._answers) > KEPT:
                    self._answers.popitem(last=False)
            return answer
        finally:
            with self._lock:
                self._at_work.pop(key, None)

    def _fit(self, question: Question, resamples: int) -> Laws | str:
        chosen = chosen_curves(self.curves, question.seeds, question.cut)
        try:
            return fit(
                chosen, question.norm, question.metric, window=question.window, resamples=resamples
            )
        except InputError as error:
            return str(error)

    def _read(self) -> Curves:
        curves = self.read() if self.read else self._followed.read()
        if not curves.metrics:
            why = commonest_failure(curves) or "none is recorded"
            raise InputError(f"expected curves with an error or a loss at {self.path}, but {why}")
        return curves

    def _on_disk(self) -> tuple[tuple[str, int, int], ...]:
        """Name, time and length of every file that curves are read from."""
        roots = [self.path] if self.path.exists() else map(Path, glob.glob(str(self.path)))
        files = [
            file
            for root in roots
            for file in ([root] if root.is_file() else root.rglob("*"))
            if (file.suffix in (".json", ".parquet") or self.read) and not file.name.startswith(".")
        ]
        found = ((str(file), file.stat()) for file in sorted(files) if file.exists())
        return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)


def chosen_curves(
    curves: Curves, seeds: tuple[int, ...] | None, cut: tuple[int, int] | None
) -> Curves:
    """The runs of some seeds, at sizes within the cut."""
    if seeds is None and cut is None:
        return curves
    low, high = cut or (0, max(curves.sizes))
    return curves.select(sizes=[size for size in curves.sizes if low <= size <= high], seeds=seeds)
