"""What happens when the tab's menus change, and when a running study is read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from dash import ALL, Dash, Input, Output, State, ctx, dcc, html, no_update

from normlaws.curves.files import csv_text
from normlaws.explore import theme
from normlaws.explore.figures import ladder as figures
from normlaws.explore.ladder.answers import Answer, Asked, LadderStudy
from normlaws.explore.ladder.page import FIGURES
from normlaws.explore.readout import as_html
from normlaws.explore.state import State as PageState
from normlaws.laws.collapse import render
from normlaws.report.page import Table
from normlaws.report.scales import words

_IN_VIEW = 12


def register(app: Dash, ladder: LadderStudy, asked_of: Callable[[Any], Asked | None]) -> None:
    """Figures, sentences and downloads.

    Args:
        app: the page.
        ladder: what answers.
        asked_of: what the store ``ladder`` asks for; None where the tab is not open.
    """

    @app.callback(
        *(Output(f"figure-{name}", "figure") for name in FIGURES),
        Output("ladder-verdict", "children"),
        Output("ladder-runs", "children"),
        Output("ladder-residuals", "children"),
        Input("ladder", "data"),
        prevent_initial_call=True,
    )
    def draw(store: Any) -> Any:
        asked = asked_of(store)
        if asked is None:
            return (no_update,) * (len(FIGURES) + 3)
        answer = ladder.answer(asked)
        if isinstance(answer, str):
            blank = [_nothing(name, answer) for name in FIGURES]
            return *blank, [html.P(answer, className="verdict")], [], []
        drawn = [getattr(figures, name)(answer.found, answer.running) for name in FIGURES]
        return *drawn, _verdict(answer), _runs(answer), _residuals(answer)

    @app.callback(
        Output("ladder-download", "data"),
        Input({"type": "ladder-csv", "figure": ALL}, "n_clicks"),
        State("ladder", "data"),
        prevent_initial_call=True,
    )
    def download(clicks: list[int | None], store: Any) -> Any:
        asked = asked_of(store)
        if not any(clicks) or ctx.triggered_id is None or asked is None:
            return no_update
        answer, name = ladder.answer(asked), ctx.triggered_id["figure"]
        if isinstance(answer, str):
            return no_update
        title = ladder.study.path.resolve().stem
        return dcc.send_string(csv_text(shown_data(name, answer)), f"{title}-{name}.csv")


def shown_data(name: str, answer: Answer) -> pd.DataFrame:
    """The rows that a figure shows."""
    found = answer.found
    if name == "residuals":
        return found.order.table
    if name == "deviation":
        return found.table()
    curves = found.ladder.normalised(found.floor.value)
    runs = [track.name for track in found.ladder.finished]
    return pd.DataFrame(
        {
            "run": np.repeat(runs, len(found.x)),
            "x": np.tile(found.x, len(runs)),
            "normalised": curves.ravel(),
        }
    )


def written(answer: Answer) -> list[str]:
    """The live line of every unfinished run."""
    return [f"{one.run}: {one}" for one in answer.running]


def _verdict(answer: Answer) -> list[Any]:
    found = answer.found
    rows = render.figures(found)
    table = Table("", rows.header, (), (1, 2))
    steps = [html.Li(f"Next: {step}.") for step in found.verdict.next_steps]
    return [
        html.P(found.verdict.text, className="verdict"),
        *([html.Ul(steps)] if steps else []),
        as_html(table, rows.rows, "Figures of the collapse"),
        *(html.P(note, className="caption") for note in answer.notes),
    ]


def _runs(answer: Answer) -> list[Any]:
    if not answer.running:
        return [html.P("No run is unfinished.", className="caption")]
    header = render.finish_header(answer.found)
    table = Table("", header, (), (1, 2, 3, 4, 6, 7))
    lines = [html.Li(line) for line in written(answer)[:_IN_VIEW]]
    return [
        html.Ul(lines),
        as_html(table, render.finish_rows(answer.running), "Unfinished runs"),
        html.P(
            "Each curve so far is aligned with the collapsed curve of the nearest finished size; "
            "the residual is the distance from what the finished sizes alone would say.",
            className="caption",
        ),
    ]


def _residuals(answer: Answer) -> list[Any]:
    found = answer.found
    header = render.residual_header(found)
    places = render.place_rows(found)
    kept = render.residual_rows(found)
    beside = Table("", render.PLACES_HEADER, (), range(5))
    table = Table("", header, (), range(1, len(header)))
    return [
        html.P(f"{str(found.order).capitalize()}.", className="caption"),
        as_html(beside, places, "Deviation and noise along training"),
        html.Details(
            [
                html.Summary(f"Residuals of {len(kept)} runs"),
                as_html(table, kept, "Residuals of the runs"),
            ],
            open=len(kept) <= _IN_VIEW,
        ),
    ]


def _nothing(name: str, reason: str) -> Any:
    return theme.message(theme.blank(name, PageState(metric=words(name)), "", ""), reason)
