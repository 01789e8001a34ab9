"""The fit: its point at once, its intervals when nothing moves any more.

What is known is told to the page by ``set_props``: a callback that waited for an output of another
would hold back what can be drawn before it, the curves before the fit and the fit before its
intervals. What is below the first screen, and the intervals, begin when what is on it was answered
(the store ``told``): side by side on one machine they would hold each other up.
"""

from __future__ import annotations

import itertools
from threading import Lock
from typing import Any

from dash import Dash, Input, Output, State, set_props
from dash.exceptions import PreventUpdate

from normlaws.display.numbers import count, power
from normlaws.errors import InputError
from normlaws.explore import readout, theme
from normlaws.explore.controls import GAMMAS, ahead_by_default
from normlaws.explore.figures.collapse import fitted_gammas
from normlaws.explore.state import State as PageState
from normlaws.explore.state import from_dict
from normlaws.explore.study import Question, Study
from normlaws.laws import Estimate, Forecast, Laws

MOST_WAITING = 3
"""Pages whose intervals may wait for those of another; more are told so."""


class Turns:
    """Lets the latest request of a page through, one at a time; earlier ones give up.

    Args:
        most: requests that may wait; any number where ``None``.
    """

    def __init__(self, most: int | None = None) -> None:
        self._latest: dict[str, int] = {}
        self._turns = itertools.count()
        self._waiting, self._most = 0, most
        self._count = Lock()
        self._work = Lock()

    def take(self, page: str, work: Any) -> bool:
        """Do the work unless a later request of the page has come by then; whether it was done.

        Raises:
            InputError: too many requests wait already.
        """
        with self._count:
            if self._most is not None and self._waiting > self._most:
                raise InputError(
                    f"expected at most {self._most} pages to wait for intervals, but as many do "
                    "already; change something here in a while, and they are computed"
                )
            turn = self._latest[page] = next(self._turns)
            self._waiting += 1
        try:
            with self._work:
                if self._latest.get(page) != turn:
                    return False
                work()
                return True
        finally:
            with self._count:
                self._waiting -= 1
                if self._latest.get(page) == turn:
                    del self._latest[page]


def register(app: Dash, study: Study) -> None:
    """Fit, and what the fit says."""
    point, full = Turns(), Turns(MOST_WAITING)
    answers = itertools.count()

    @app.callback(
        Input("question", "data"),
        State("id", "data"),
        State("state", "data"),
        State("window", "value"),
        prevent_initial_call=True,
    )
    def fit_now(asked: Any, page: str, values: Any, slider: Any) -> None:
        state = from_dict(values)
        question = Question.of(state, study.version)
        if point.take(page, lambda: study.fitted(question)):
            if not asked["moving"]:
                _set_sliders(study, state, slider)
            set_props("now", {"data": asked})

    @app.callback(
        Input("told", "data"),
        State("now", "data"),
        State("full", "data"),
        State("id", "data"),
        State("state", "data"),
        prevent_initial_call=True,
    )
    def fit_fully(_told: Any, now: Any, known: Any, page: str, values: Any) -> None:
        question = Question.of(from_dict(values), study.version)
        if not now or now["moving"] or now == known:
            return
        if study.has_intervals(question) or full.take(
            page, lambda: study.fitted(question, intervals=True)
        ):
            set_props("full", {"data": now})

    @app.callback(
        Output("exponents", "children"),
        Output("verdict", "children"),
        Output("findings", "children"),
        Output("forecast", "children"),
        Output("refused", "children"),
        Output("window-said", "children"),
        Output("cut-said", "children"),
        Output("told", "data"),
        Input("now", "data"),
        Input("full", "data"),
        Input("ahead", "data"),
        State("question", "data"),
        State("state", "data"),
        prevent_initial_call=True,
    )
    def read(now: Any, _full: Any, _ahead: Any, asked: Any, values: Any) -> Any:
        if now != asked:
            raise PreventUpdate  # the fit is on its way
        state = from_dict(values)
        question = Question.of(state, study.version)
        laws, waiting = study.best(question)
        cut = said_of_cut(state, study.curves.sizes)
        if isinstance(laws, str):
            said = "No window without a fit."
            return [], [readout.sentence(laws)], [], [], "", said, cut, next(answers)
        ahead, needed = ahead_of(laws, state, study.curves.sizes)
        return (
            readout.exponents(laws, waiting),
            readout.verdict(laws, waiting),
            readout.findings(laws, waiting),
            readout.forecast(laws, ahead, needed, state),
            refused(laws, state),
            said_of_window(laws, state),
            cut,
            next(answers),
        )

    @app.callback(
        Output("clocks", "children"),
        Input("now", "data"),
        Input("full", "data"),
        State("state", "data"),
        prevent_initial_call=True,
    )
    def compare_clocks(_now: Any, _full: Any, values: Any) -> Any:
        """Last, since it takes as long as a fit for every clock."""
        laws, waiting = study.best(Question.of(from_dict(values), study.version))
        if isinstance(laws, str):
            return []
        return readout.clocks(None if waiting else laws.clocks())


def ahead_of(laws: Laws, state: PageState, sizes: list[int]) -> tuple[Forecast, Estimate | None]:
    """Forecast at the asked P (four times the largest size by default), data for the target."""
    ahead = laws.forecast([state.size or ahead_by_default(sizes)])[0]
    wanted = state.target and not refused(laws, state)
    return ahead, laws.size_for_error(state.target) if state.target and wanted else None


def refused(laws: Laws, state: PageState) -> str:
    """Why the asked error cannot be one; empty where it can."""
    if state.target and laws.metric.endswith("error") and state.target > 1:
        return f"Expected an error as a fraction, at most 1, got {state.target:g}."
    return ""


def said_of_window(laws: Laws, state: PageState) -> str:
    """The early window in words."""
    if laws.early_window is None:
        return "None found: no window follows one power law."
    low, high = laws.early_window
    how = "found" if state.window is None else "set by the user"
    return f"ln λ from {low:.2f} to {high:.2f} (λ from {power(low)} to {power(high)}), {how}"


def said_of_cut(state: PageState, sizes: list[int]) -> str:
    """The P cut in words."""
    low, high = state.cut or (sizes[0], sizes[-1])
    inside = sum(low <= size <= high for size in sizes)
    return f"{inside} of {len(sizes)}: P from {count(low)} to {count(high)}"


def _set_sliders(study: Study, state: PageState, slider: Any) -> None:
    """Show where the window and the exponents are; what is shown is noted before it is set."""
    laws = study.answer(state)
    if isinstance(laws, str):
        return
    grid = laws.samples.panel.grid
    low, high = round(float(grid[0]), 2), round(float(grid[-1]), 2)
    window = laws.early_window or (low, high)
    shown = [round(edge, 4) for edge in window]
    set_props("window-shown", {"data": {"window": shown, "as_norm": theme.of_norm(grid)}})
    set_props("window", {"min": min(low, shown[0]), "max": max(high, shown[1]), "step": 0.01})
    if slider != shown:
        set_props("window", {"value": shown})
    gammas = [round(one, 3) for one in state.gammas or fitted_gammas(laws)]
    set_props("gammas-shown", {"data": gammas})
    for name, value in zip(GAMMAS, gammas, strict=True):
        set_props(name, {"value": value})
