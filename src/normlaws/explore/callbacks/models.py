"""The tabs of solvable models other than the perceptron."""

from __future__ import annotations

import math
from typing import Any

from dash import ALL, MATCH, Dash, Input, Output, State, ctx, no_update

from normlaws.explore import figures
from normlaws.explore.models import KNOBS, MODELS, shown
from normlaws.explore.page import model_pane
from normlaws.explore.readout import as_html
from normlaws.explore.state import MODEL_FIGURES, from_dict
from normlaws.report.page import Table


def register(app: Dash) -> None:
    """Pane, sliders beside number fields, figures and values."""

    @app.callback(
        Output("model-pane", "children"),
        Input("tab", "value"),
        State("state", "data"),
        prevent_initial_call=True,
    )
    def build(tab: Any, values: dict[str, Any]) -> Any:
        if tab not in MODELS:
            return no_update
        return model_pane(from_dict(values | {"tab": tab}))

    @app.callback(
        Output({"type": "knob", "name": MATCH}, "value"),
        Output({"type": "knob-slider", "name": MATCH}, "value"),
        Input({"type": "knob", "name": MATCH}, "value"),
        Input({"type": "knob-slider", "name": MATCH}, "value"),
        prevent_initial_call=True,
    )
    def follow(value: Any, place: Any) -> Any:
        if not ctx.triggered_id:
            return no_update, no_update
        knob = KNOBS[ctx.triggered_id["name"]]
        if ctx.triggered_id["type"] == "knob":
            known = _number(value)
            return no_update, no_update if known is None else knob.place(knob.within(known))
        moved = _number(place)
        return no_update if moved is None else knob.at(moved), no_update

    @app.callback(
        Output("knobs", "data"),
        Input({"type": "knob", "name": ALL}, "value"),
        State({"type": "knob", "name": ALL}, "id"),
        State("knobs", "data"),
        prevent_initial_call=True,
    )
    def gather(values: list[Any], names: list[dict[str, str]], before: dict[str, float]) -> Any:
        now = dict(before or {})
        for name, value in zip(names, values, strict=True):
            known = _number(value)
            if known is not None:
                now[name["name"]] = KNOBS[name["name"]].within(known)
        return no_update if now == before else now

    @app.callback(
        *(Output(f"figure-{name}", "figure") for name in MODEL_FIGURES),
        Output("model-values", "children"),
        Input("model", "data"),
        Input("model-pane", "children"),
        State("state", "data"),
    )
    def draw(_model: Any, _pane: Any, values: dict[str, Any]) -> Any:
        state = from_dict(values)
        if state.tab not in MODELS:
            return no_update, no_update, no_update
        solved = shown(state.tab, state.knobs)
        drawn = [
            figures.model_figure(name, plot, state)
            for name, plot in zip(MODEL_FIGURES, solved.plots, strict=True)
        ]
        table = Table("", ("quantity", "value"), (), (1,))
        name = f"{MODELS[state.tab].title}: values"
        return *drawn, [as_html(table, solved.values, name)]


def _number(value: Any) -> float | None:
    """A finite number, or nothing: what a field holds while it is edited, or a stranger sends."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
