"""The curves of a study as figures, with what is drawn kept between callbacks."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Any

from normlaws.explore import figures
from normlaws.explore.direct import only_direct
from normlaws.explore.figure import Figure
from normlaws.explore.lines import Line, lines_of, undrawable
from normlaws.explore.state import State, start
from normlaws.explore.study import Question, Study
from normlaws.laws import Laws
from normlaws.report.style import size_colours


def look_ahead(study: Study) -> None:
    """Draw and fit once what the page shows first, so that the page finds the fit done."""
    if only_direct(study.curves):
        return
    state = start(study.curves)
    with suppress(Exception):  # the page says why
        Pictures(study).first(state)
        study.fitted(Question.of(state, study.version))


class Pictures:
    """Curves against norm and step.

    Args:
        study: whose curves are drawn.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._kept = lru_cache(maxsize=16)(self._lines)

    @property
    def colours(self) -> dict[int, str]:
        """Of every size."""
        return size_colours(self.study.curves.sizes)

    def lines(self, state: State) -> list[Line]:
        """What a state shows."""
        of = (state.norm, state.metric, state.runs, state.seeds, state.hidden)
        return self._kept(self.study.version, of)

    def norm(self, state: State, laws: Laws | str | None) -> Figure:
        """Curves against the norm, and the laws where they are known."""
        found = laws if isinstance(laws, Laws) else None
        window = state.window or (found.early_window if found else None)
        return figures.error_against_norm(self.lines(state), found, window, self.colours, state)

    def step(self, state: State) -> Figure:
        """Curves against the step."""
        return figures.error_against_step(self.lines(state), self.colours, state)

    def left_out(self, state: State) -> str:
        """How many points cannot be drawn, in words; empty where all can."""
        number = undrawable(self.lines(state))
        return f"{number} points are zero or not a number and cannot be drawn." if number else ""

    def first(self, state: State) -> dict[str, Figure]:
        """What a page can show before anything is fitted."""
        return {"norm": self.norm(state, None), "step": self.step(state)}

    def _lines(self, _version: int, of: tuple[Any, ...]) -> list[Line]:
        norm, metric, runs, seeds, hidden = of
        state = State(norm=norm, metric=metric, runs=runs, seeds=seeds, hidden=hidden)
        return lines_of(self.study.curves, state)
