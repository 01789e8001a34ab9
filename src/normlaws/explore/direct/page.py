"""The page: menus, one figure, and what the direct law says."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from normlaws.display.numbers import count
from normlaws.explore.controls import choice, group, number
from normlaws.explore.direct.study import NO_GROUP, DirectStudy
from normlaws.explore.ladder import LadderStudy
from normlaws.explore.ladder import pane as collapse_pane
from normlaws.explore.markup import LIVE, data, labelled
from normlaws.explore.page import POLL, figure_block


def shell(title: str, study: DirectStudy, ladder: LadderStudy) -> html.Div:
    """The whole page."""
    return html.Div(
        [
            dcc.Location(id="url", refresh=False),
            dcc.Store(id="linked"),
            dcc.Store(id="saved"),
            dcc.Store(id="query"),
            dcc.Store(id="ladder"),
            dcc.Store(id="seen"),
            dcc.Interval(id="tick", interval=POLL, disabled=True),
            dcc.Download(id="download"),
            html.Div(
                [
                    html.Header(_header(title, study), className="top"),
                    html.P(id="notice", role="status", className="notice"),
                    html.Main(
                        [
                            html.Div(_pane(study), className="pane"),
                            *_collapse(study, ladder),
                        ]
                    ),
                ],
                id="page",
            ),
        ]
    )


def _header(title: str, study: DirectStudy) -> list[Any]:
    curves = study.curves
    sizes, runs = curves.sizes, len(curves.runs)
    facts = (
        f"{len(sizes)} sizes, from {count(sizes[0])} to {count(sizes[-1])} · {runs} runs · no norm "
        "is followed: the direct law alone"
    )
    follow = dcc.Checklist(
        [{"label": "follow a running study", "value": "follow"}],
        [], id="follow", className="chips",
    )  # fmt: skip
    copy = html.Button("Copy link", id="copy", type="button")
    return [
        html.Div([html.H1(title), html.P(facts, id="facts", className="facts")]),
        html.Div([html.Div(follow, **data(named="Polling")), copy], className="buttons"),
    ]


def _collapse(study: DirectStudy, ladder: LadderStudy) -> list[Any]:
    """The collapse below the direct law; nothing where every run has one record."""
    if not ladder.axes:
        return []
    asked = ladder.suited(None, None, None)
    return [html.Div(collapse_pane(study.curves, asked), id="collapse-pane", className="pane")]


def _pane(study: DirectStudy) -> list[Any]:
    curves = study.curves
    controls = [
        group(
            "Runs",
            choice("metric", "Error or loss", curves.metrics, curves.default_metric()),
            choice("group", "Compare groups of runs by", [NO_GROUP, *study.groups], study.start),
        ),
        group(
            "Forecast",
            number("size", "At P", 4.0 * max(curves.sizes)),
            number("target", "Data needed for an error of", None, placeholder="0.01"),
            html.P(id="refused", className="said", **LIVE),
        ),
    ]
    aside = html.Aside(
        html.Details([html.Summary("Controls"), *controls], open=True),
        className="controls",
        **labelled("Controls of the study"),
    )
    cards = [
        html.Div([_card("Verdict", "verdict"), _card("Forecast", "forecast")], className="column"),
        _card("Laws side by side", "laws", " wide"),
    ]
    return [aside, html.Div([figure_block("direct"), *cards], className="figures")]


def _card(heading: str, name: str, also: str = "") -> html.Section:
    return html.Section([html.H2(heading), html.Div(id=name, **LIVE)], className=f"card{also}")
