"""The tab: axis, metric and floor beside three figures, the verdict, and the unfinished runs."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from normlaws.curves import Curves
from normlaws.explore.blocks import block
from normlaws.explore.controls import choice, group
from normlaws.explore.ladder.answers import Asked, ordered_axes
from normlaws.explore.markup import LIVE, labelled

FIGURES = {
    "normalised": "Normalised curves",
    "deviation": "Deviation and noise",
    "residuals": "Residuals of the runs",
}
CAPTIONS = {
    "normalised": "Reducible part of every run over what it is at the run's end, against the share "
    "of the way. Where the ladder collapses, the lines are one. Dashed: the mean. Dotted: "
    "unfinished runs over what they are expected to end at.",
    "deviation": "Δ, how far normalised curves lie apart, with 95 % of its resamples; σ̄, how far "
    "seeds of one size do before they are normalised. Δ below σ̄ is supercollapse.",
    "residuals": "How far each run lies from the mean curve, over .1 < x < 1, against its size. "
    "A slope says that horizons grow too slowly (up) or too fast (down) with size.",
}


def pane(curves: Curves, asked: Asked) -> list[Any]:
    """Controls, figures and cards."""
    names = ordered_axes(curves)
    controls = [
        group(
            "Collapse",
            choice("axis", "Along", names or ["step"], asked.axis),
            choice("loss", "Error or loss", curves.metrics, asked.metric),
            _floor(asked.floor),
        ),
    ]
    blocks = [block(name, FIGURES[name], CAPTIONS[name], csv="ladder-csv") for name in FIGURES]
    folded = html.Details([html.Summary("Controls"), *controls], open=True, id="collapse-controls")
    return [
        html.Aside(folded, className="controls", **labelled("Controls of the collapse")),
        html.Div(
            [
                html.Section(
                    [html.H2("Does the ladder collapse?"), html.Div(id="ladder-verdict", **LIVE)],
                    className="card wide",
                ),
                html.Section(
                    [html.H2("Unfinished runs"), html.Div(id="ladder-runs", **LIVE)],
                    className="card wide",
                ),
                *blocks,
                html.Section(
                    [html.H2("Every run"), html.Div(id="ladder-residuals", **LIVE)],
                    className="card",
                ),
                dcc.Download(id="ladder-download"),
            ],
            className="figures",
        ),
    ]


def _floor(value: float | None) -> html.Div:
    """A field for the irreducible part; empty, it is fitted."""
    box = dcc.Input(
        id="floor", type="number", value=value, step="any", debounce=0.4, placeholder="fitted"
    )
    label = html.Label("Irreducible part L0", htmlFor="floor")
    return html.Div([label, box, html.P(className="refused", role="status")], className="field")
