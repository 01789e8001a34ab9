"""What the page without norms asks of its curves: a law, or the laws of several groups."""

from __future__ import annotations

from dataclasses import dataclass, field

from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.laws import Comparison, DirectLaw, compare, direct_law
from normlaws.laws.data.mixtures import check_alike

NO_GROUP = "all runs together"
MOST_GROUPS = 12
Answer = DirectLaw | Comparison | str


def only_direct(curves: Curves) -> bool:
    """Whether no norm is followed: none is recorded, or every run has one record."""
    return not curves.norms or not curves.frame["run"].duplicated().any()


@dataclass
class DirectStudy:
    """Curves without norms, and the fits that were asked of them.

    Args:
        curves: what was read.
        resamples: of the runs of each size.
    """

    curves: Curves
    resamples: int = 1000
    _answers: dict[tuple[str, str], Answer] = field(default_factory=dict)

    def refresh(self, curves: Curves) -> None:
        """Other curves in place of those so far; what was fitted is forgotten."""
        self.curves, self._answers = curves, {}

    @property
    def groups(self) -> list[str]:
        """Variables of the runs with a few values, by which runs can be compared."""
        runs = self.curves.runs
        return [
            str(name)
            for name in runs
            if name not in _OWN and runs[name].map(_plain).all()
            if 2 <= runs[name].nunique() <= MOST_GROUPS
        ]

    @property
    def start(self) -> str:
        """The group that the page opens with: what differs between the runs of one size."""
        try:
            check_alike(self.curves)
        except InputError as error:
            told = str(error)
            return next((name for name in self.groups if f" in {name} (" in told), NO_GROUP)
        return NO_GROUP

    def answer(self, metric: str, group: str) -> Answer:
        """The law or laws, or the sentence that says why there are none."""
        key = (metric, group)
        if key not in self._answers:
            self._answers[key] = self._fit(metric, group)
        return self._answers[key]

    def _fit(self, metric: str, group: str) -> Answer:
        try:
            if group == NO_GROUP:
                return direct_law(self.curves, metric, resamples=self.resamples)
            return compare(self.curves, group, metric, resamples=self.resamples)
        except InputError as error:
            return str(error)


_OWN = {
    "run", "size", "seed", "status", "settings", "versions", "hardware", "code", "error", "scale",
}  # fmt: skip


def _plain(value: object) -> bool:
    return isinstance(value, str | int | float | bool)
