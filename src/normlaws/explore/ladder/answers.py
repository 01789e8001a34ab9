"""What the tab asks of the curves: a collapse, and what its unfinished runs will end at."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning
from normlaws.explore.study import Study
from normlaws.laws import Collapse
from normlaws.laws.collapse import Finish
from normlaws.laws.collapse import collapse as collapse_curves
from normlaws.laws.collapse.axis import axes, axis_of

MOST_RESAMPLES = 200
KEPT = 8


class Asked(NamedTuple):
    """Along what, of which metric, above which floor (fitted where None)."""

    axis: str
    metric: str
    floor: float | None = None


@dataclass(frozen=True)
class Answer:
    """A collapse with what its unfinished runs are expected to end at, and what was left out."""

    found: Collapse
    running: tuple[Finish, ...]
    notes: tuple[str, ...]


@dataclass
class LadderStudy:
    """Collapses of a study that may be read again; the latest few are kept.

    Args:
        study: what is shown.
    """

    study: Study
    _answers: dict[tuple[int, Asked], Answer | str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @property
    def axes(self) -> list[str]:
        """What the curves can be followed along, the usual one first; none of single records."""
        return ordered_axes(self.study.curves)

    def suited(self, axis: object, metric: object, floor: object) -> Asked:
        """What was asked, with what the curves do not have as at the start."""
        curves, known = self.study.curves, self.axes
        return Asked(
            axis if isinstance(axis, str) and axis in known else known[0],
            metric if isinstance(metric, str) and metric in curves.metrics else usual(curves),
            float(floor) if isinstance(floor, int | float) and floor == floor else None,
        )

    def answer(self, asked: Asked) -> Answer | str:
        """The collapse, or the sentence that says why there is none."""
        key = (self.study.version, asked)
        with self._lock:
            if key not in self._answers:
                self._answers[key] = self._collapsed(asked)
                while len(self._answers) > KEPT:
                    del self._answers[next(iter(self._answers))]
            return self._answers[key]

    def _collapsed(self, asked: Asked) -> Answer | str:
        resamples = min(self.study.resamples, MOST_RESAMPLES)
        floor = "fit" if asked.floor is None else asked.floor
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", NormlawsWarning)
            try:
                found = collapse_curves(
                    self.study.curves, asked.axis, asked.metric, floor=floor, resamples=resamples
                )
                running = found.unfinished()
            except InputError as error:
                return str(error)
        return Answer(found, running, tuple(str(one.message) for one in said))


def ordered_axes(curves: Curves) -> list[str]:
    """What curves can be followed along, the usual one first."""
    if not curves.frame["run"].duplicated().any():
        return []
    names = axes(curves)
    try:
        first = axis_of(curves, None).name
    except InputError:
        return names
    return [first, *(name for name in names if name != first)]


def usual(curves: Curves) -> str:
    """A loss where one is recorded, whose floor can be fitted; else the default metric."""
    losses = [name for name in ("test_loss", "val_loss") if name in curves.metrics]
    return losses[0] if losses else curves.default_metric()
