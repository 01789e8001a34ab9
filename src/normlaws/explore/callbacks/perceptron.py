"""The tab of the solvable perceptron."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import Dash, Input, Output, State, ctx, no_update
from dash.exceptions import PreventUpdate

from normlaws.explore import figures, readout
from normlaws.explore.solved import solve
from normlaws.explore.state import ALPHAS, NORMS, from_dict

REACH = {"alpha": ALPHAS, "radius": NORMS}


def register(app: Dash) -> None:
    """Sliders beside number fields, and the figure."""
    for name, reach in REACH.items():
        _couple(app, name, reach)

    @app.callback(
        Output("figure-theory", "figure"),
        Output("solved", "children"),
        Input("point", "data"),
        State("state", "data"),
        prevent_initial_call=True,
    )
    def draw(_: Any, values: Any) -> Any:
        state = from_dict(values)
        if state.tab != "theory":
            raise PreventUpdate
        solved = solve(state.alpha, state.radius)
        return figures.perceptron(solved, state), readout.solved(solved, state)


def _couple(app: Dash, name: str, reach: tuple[float, float]) -> None:
    """A number and a slider of its logarithm follow each other."""

    @app.callback(
        Output(name, "value"),
        Output(f"{name}-slider", "value"),
        Input(name, "value"),
        Input(f"{name}-slider", "value"),
        prevent_initial_call=True,
    )
    def follow(value: float | None, log10: float) -> Any:
        if ctx.triggered_id == name:
            if value is None or not reach[0] <= value <= reach[1]:
                return no_update, no_update
            return no_update, round(float(np.log10(value)), 2)
        return float(f"{10.0**log10:.3g}"), no_update
