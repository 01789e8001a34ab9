"""What results of one kind show of themselves: a line, a table of text, a card."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from normlaws.display import cards
from normlaws.display.columns import columns, wrapped
from normlaws.laws.result import Estimate, Verdict


@dataclass(frozen=True)
class Figures:
    """The numbers of a result, as words.

    Attributes:
        heading: what was fitted or compared.
        header: titles of the columns; the first three are name, value and interval.
        rows: one per number.
        notes: sentences that belong to the numbers.
    """

    heading: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: tuple[str, ...] = ()

    def one_line(self) -> str:
        """Every number on one line."""
        return ", ".join(f"{name} = {value} {span}" for name, value, span, *_ in self.rows)

    def lines(self, width: int | None = None) -> Iterator[str]:
        """The heading and the numbers as lines of text, numbers flush right."""
        yield from wrapped(self.heading, width)
        yield "-" * min(len(self.heading), width or len(self.heading))
        yield from columns((), self.rows, width, right=(1,))


class Presented:
    """A result with figures and a verdict."""

    verdict: Verdict

    def _figures(self) -> Figures:
        raise NotImplementedError

    def _as_dict(self) -> dict[str, Any]:
        """The object of ``--json`` without the verdict."""
        raise NotImplementedError

    def __repr__(self) -> str:
        figures = self._figures()
        return f"{type(self).__name__}({figures.heading}: {figures.one_line()})"

    def _repr_html_(self) -> str:
        figures = self._figures()
        return cards.card(
            figures.heading,
            cards.table(figures.header, figures.rows, numeric=(1, 2)),
            cards.text(self.verdict.text),
            *(cards.text(f"Next: {step}.") for step in self.verdict.next_steps),
            *(cards.text(note, quiet=True) for note in figures.notes),
        )

    def summary(self, width: int | None = None) -> str:
        """Figures with intervals and the verdict as text, in lines of at most ``width``."""
        figures, verdict = self._figures(), self.verdict
        said = [*figures.notes, verdict.text, *(f"Next: {step}." for step in verdict.next_steps)]
        return "\n".join([*figures.lines(width), "", *wrapped("\n".join(said), width)])

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        verdict = self.verdict
        return self._as_dict() | {
            "verdict": verdict.text,
            "codes": list(verdict.codes),
            "next_steps": list(verdict.next_steps),
        }


def interval(estimate: Estimate, digits: int) -> str:
    """A 95 % interval in brackets, or a dash where there is none."""
    if estimate.low is None or estimate.high is None:
        return "–"
    return f"[{number(estimate.low, digits)}, {number(estimate.high, digits)}]"


def number(value: float, digits: int) -> str:
    """A number with so many significant digits; a dash for NaN."""
    return "–" if np.isnan(value) else f"{value:.{digits}g}"


def plain(estimate: Estimate) -> dict[str, float | None]:
    """An estimate for JSON: what is not finite is null."""
    return {
        name: None if value is None or not np.isfinite(value) else float(value)
        for name, value in estimate.as_dict().items()
    }
