"""The page: header, controls, figures and what the fit says, for a state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from dash import dcc, html

from normlaws.display.numbers import count
from normlaws.explore.blocks import block
from normlaws.explore.controls import (
    forecast_controls,
    legend,
    model_controls,
    rescale_controls,
    study_controls,
    theory_controls,
)
from normlaws.explore.ladder.answers import LadderStudy
from normlaws.explore.ladder.page import pane as collapse_pane
from normlaws.explore.markup import LIVE, data, labelled
from normlaws.explore.models import MODELS
from normlaws.explore.readout import troubled
from normlaws.explore.slices import first_slices
from normlaws.explore.state import MODEL_FIGURES, State
from normlaws.explore.study import Study

FIGURES = {
    "norm": "Error against norm",
    "step": "Error against step",
    "error": "Lowest error against P",
    "optimum": "Stopping norm against P",
    "collapse": "Rescaled curves",
    "theory": "Perceptron: error against norm",
}
DIRECT = {"direct": "Lowest error against P"}
CAPTIONS = {
    "norm": "Shaded: early window, its edges can be dragged. Dashed: early law at the largest "
    "size, which its curve nears between chance and the turn. Discs: optimum of each size, hollow "
    "where a run was still improving.",
    "step": "The same points: point at one, or select some, and the other figure shows them too. "
    "Dashed lines: unfinished runs. Dotted with a cross: runs that broke off.",
    "error": "Solid: direct law. Dashed: slope that the two laws give. Diamond: forecast. Square: "
    "data needed. The upright lines are the P cut and can be dragged.",
    "optimum": "Solid: late law. Diamond: forecast. Hollow discs are not used in the laws.",
    "collapse": "The fit's mean curves; where the laws hold they are one. Grey, by the optimum: "
    "where 95 % of them would lie if seeds alone set them apart.",
    "theory": "Solid: loss minimised at fixed norm, for many inputs. Circle and dotted upright: "
    "lowest error. Diamond: the current point.",
    "direct": "Points: lowest error of every size, hollow where a run is unfinished and its lowest "
    "value so far stands. Lines: the law that forecasts known sizes best. "
    "Shaded: 95 % interval of one new run. Right of the dotted line everything is a forecast.",
}
MOVABLE = ("norm", "error", "optimum")  # figures with edges to drag
POLL = 3000  # milliseconds


def shell() -> html.Div:
    """What stays while the rest is built anew: the address, and the stores that carry a state."""
    return html.Div(
        [
            dcc.Location(id="url", refresh=False),
            dcc.Store(id="query"),
            dcc.Store(id="outline"),
            html.Div(id="page"),
        ]
    )


def body(study: Study, state: State, drawn: Mapping[str, Any], left_out: str) -> list[Any]:
    """The page for a state.

    Args:
        study: what is shown.
        state: of the page.
        drawn: the figures of the curves by name, as far as they are drawn already.
        left_out: what is said of points that cannot be drawn.
    """
    return [
        *_stores(study, state, bool(drawn)),
        html.Header(_header(study), className="top"),
        html.P(id="notice", role="status", className="notice"),
        html.Nav(
            dcc.RadioItems(
                {
                    "study": "Study",
                    "collapse": "Collapse",
                    "theory": "Perceptron",
                    **{name: model.title for name, model in MODELS.items()},
                },
                state.tab,
                id="tab",
                className="tabs",
                inline=True,
            ),
            className="views",
            **labelled("Views"),
            **data(named="View"),
        ),
        html.Main(
            [
                html.Div(_study(study, state, drawn, left_out), id="study-pane", className="pane"),
                html.Div(_collapse(study, state), id="collapse-pane", className="pane gone"),
                html.Div(_theory(state), id="theory-pane", className="pane"),
                html.Div(model_pane(state), id="model-pane", className="pane gone"),
            ]
        ),
    ]


def figure_block(
    name: str, *below: Any, title: str = "", caption: str = "", figure: Any = None
) -> html.Section:
    """A figure of this page under its heading, with what can be done with it."""
    return block(
        name, title or (FIGURES | DIRECT)[name], caption or CAPTIONS[name], *below,
        movable=name in MOVABLE, figure=figure,
    )  # fmt: skip


def _stores(study: Study, state: State, drawn: bool) -> list[Any]:
    zoom = {name: {"of": state.zoom_of(name), "range": at} for name, *at in state.zoom}
    return [
        dcc.Store(id="id", data=uuid4().hex),
        dcc.Store(id="state", data=state.as_dict()),
        dcc.Store(id="seen", data=study.version),
        dcc.Store(id="hand", data={"window": state.window, "dragging": False}),
        dcc.Store(id="window-shown"),
        dcc.Store(id="gammas", data=state.gammas),
        dcc.Store(id="gammas-shown"),
        dcc.Store(id="zoom", data=zoom),
        dcc.Store(id="knobs", data=dict(state.knobs)),
        *(
            dcc.Store(id=name, data=part)
            for name, part in first_slices(state, study.version, drawn).items()
        ),
        dcc.Store(id="now"),
        dcc.Store(id="full"),
        dcc.Store(id="told"),
        dcc.Store(id="linked"),
        dcc.Store(id="saved"),
        dcc.Download(id="download"),
        dcc.Interval(id="tick", interval=POLL, disabled=True),
    ]


def _header(study: Study) -> list[Any]:
    return [
        html.Div(
            [
                html.H1(study.path.resolve().stem),
                html.P(facts(study), id="facts", className="facts"),
            ]
        ),
        html.Div(
            [
                html.Button("Reload", id="reload", type="button"),
                html.Div(
                    dcc.Checklist(
                        [{"label": "follow a running study", "value": "follow"}],
                        [],
                        id="follow",
                        className="chips",
                    ),
                    **data(named="Polling"),
                ),
                html.Button("Copy link", id="copy", type="button"),
            ],
            className="buttons",
        ),
    ]


def _aside(pane: str, controls: list[Any]) -> html.Aside:
    """Controls beside the figures; over them, and folded, where the page is narrow."""
    folded = html.Details([html.Summary("Controls"), *controls], open=True, id=f"{pane}-controls")
    return html.Aside(folded, className="controls", **labelled(f"Controls of the {pane}"))


def _study(study: Study, state: State, drawn: Mapping[str, Any], left_out: str) -> list[Any]:
    unseen = html.P(left_out, id="left-out", className="caption")
    return [
        _aside("study", study_controls(study.curves, state)),
        html.Div(
            [
                legend(study.curves),
                figure_block("norm", figure=drawn.get("norm")),
                figure_block("step", unseen, figure=drawn.get("step")),
                _card("Exponents", "exponents"),
                html.Section(
                    [
                        html.H2("Verdict and forecast"),
                        html.Div(id="verdict", **LIVE),
                        html.Div(forecast_controls(study.curves, state), className="pair"),
                        html.P(id="refused", className="refused", role="status"),
                        html.Div(id="forecast", **LIVE),
                    ],
                    className="card",
                ),
                _card("Findings", "findings", " wide"),
                figure_block("error"),
                figure_block("optimum"),
                figure_block("collapse"),
                html.Section([html.H2("Rescaling"), rescale_controls(state)], className="card"),
                _card("Does the norm do better than the step?", "clocks", " wide"),
                html.Section(troubled(study.curves), id="troubled", className="card"),
            ],
            className="figures",
        ),
    ]


def _card(heading: str, name: str, also: str = "") -> html.Section:
    """A heading over what the fit says."""
    return html.Section([html.H2(heading), html.Div(id=name, **LIVE)], className=f"card{also}")


def _collapse(study: Study, state: State) -> list[Any]:
    asked = LadderStudy(study).suited(state.axis, state.loss, state.floor)
    return collapse_pane(study.curves, asked)


def _theory(state: State) -> list[Any]:
    return [
        _aside("theory", theory_controls(state)),
        html.Div(
            [
                figure_block("theory"),
                html.Section(
                    [html.H2("Values"), html.Div(id="solved", **LIVE)],
                    className="card",
                ),
            ],
            className="figures",
        ),
    ]


def model_pane(state: State) -> list[Any]:
    """Controls, two figures and values of the solvable model whose tab is open; else nothing."""
    if state.tab not in MODELS:
        return []
    model = MODELS[state.tab]
    blocks = [
        figure_block(name, title=heading, caption=caption)
        for name, heading, caption in zip(
            MODEL_FIGURES, model.headings, model.captions, strict=True
        )
    ]
    values = [html.H2("Values"), html.Div(id="model-values", **LIVE)]
    return [
        _aside("model", model_controls(model, state)),
        html.Div([*blocks, html.Section(values, className="card")], className="figures"),
    ]


def facts(study: Study) -> str:
    """How much of the study there is, in a line."""
    curves = study.curves
    sizes, seeds, runs = curves.sizes, curves.seeds, curves.runs["status"].value_counts()
    span = f"P from {count(sizes[0])} to {count(sizes[-1])}"
    parts = [
        f"{len(sizes)} sizes, {span}" if len(sizes) > 1 else f"one size, P = {count(sizes[0])}",
        f"{len(seeds)} {'seed' if len(seeds) == 1 else 'seeds'}" if seeds else "no seeds",
        ", ".join(f"{number} {status}" for status, number in runs.items()),
    ]
    return " · ".join(parts)
