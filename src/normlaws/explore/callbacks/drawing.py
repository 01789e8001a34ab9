"""The study's figures, and the data behind them as CSV."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from dash import ALL, Dash, Input, Output, State, ctx, dcc, no_update
from dash.exceptions import PreventUpdate

from normlaws.curves.files import csv_text
from normlaws.display.numbers import significant
from normlaws.explore import figures, theme
from normlaws.explore.callbacks.fitting import ahead_of
from normlaws.explore.controls import GAMMAS
from normlaws.explore.figures.collapse import fitted_gammas, rescaled_table, spread
from normlaws.explore.lines import lines_of, table
from normlaws.explore.models import shown as model_shown
from normlaws.explore.pictures import Pictures
from normlaws.explore.solved import solve
from normlaws.explore.state import MODEL_FIGURES, from_dict
from normlaws.explore.state import State as PageState
from normlaws.explore.study import Study


def register(app: Dash, pictures: Pictures) -> None:
    """Figures and downloads."""
    study = pictures.study

    @app.callback(
        Output("figure-norm", "figure"),
        Input("view", "data"),
        Input("now", "data"),
        State("question", "data"),
        State("state", "data"),
        prevent_initial_call=True,
    )
    def norm(_view: Any, now: Any, asked: Any, values: Any) -> Any:
        """The curves at once, what the fit says when it is there."""
        state = from_dict(values)
        return pictures.norm(state, study.answer(state) if now == asked else None)

    @app.callback(
        Output("figure-step", "figure"),
        Output("left-out", "children"),
        Input("view", "data"),
        State("state", "data"),
        prevent_initial_call=True,
    )
    def step(_: Any, values: Any) -> Any:
        state = from_dict(values)
        return pictures.step(state), pictures.left_out(state)

    @app.callback(
        Output("figure-error", "figure"),
        Output("figure-optimum", "figure"),
        Input("told", "data"),
        State("now", "data"),
        State("question", "data"),
        State("state", "data"),
        prevent_initial_call=True,
    )
    def against_size(_told: Any, now: Any, asked: Any, values: Any) -> Any:
        if now != asked:
            raise PreventUpdate  # the fit is on its way
        state, sizes = from_dict(values), study.curves.sizes
        laws = study.answer(state)
        if isinstance(laws, str):
            return tuple(_nothing(name, state, laws) for name in ("error", "optimum"))
        ahead, needed = ahead_of(laws, state, sizes)
        outside = outside_of(study, state)
        return (
            figures.error_against_size(
                laws, outside, ahead, needed, sizes, pictures.colours, state
            ),
            figures.norm_against_size(laws, outside, ahead, sizes, pictures.colours, state),
        )

    @app.callback(
        Output("figure-collapse", "figure"),
        Output("spread-said", "children"),
        Output("gamma-sliders", "className"),
        *(Output(f"{name}-said", "children") for name in GAMMAS),
        Input("told", "data"),
        Input("drawn", "data"),
        Input("scale", "data"),
        State("now", "data"),
        State("question", "data"),
        State("state", "data"),
        prevent_initial_call=True,
    )
    def collapse(_told: Any, _drawn: Any, _scale: Any, now: Any, asked: Any, values: Any) -> Any:
        if now != asked:
            raise PreventUpdate  # the fit is on its way
        state = from_dict(values)
        laws = study.answer(state)
        shown = "sliders" if state.rescale == "exponents" else "sliders gone"
        if isinstance(laws, str):
            return _nothing("collapse", state, laws), "", shown, "", "", ""
        said = f"Spread of the curves over their seed noise: {significant(spread(laws, state))}"
        gammas = [f" = {value:.3f}" for value in state.gammas or fitted_gammas(laws)]
        return figures.rescaled(laws, pictures.colours, state), said, shown, *gammas

    @app.callback(
        Output("download", "data"),
        Input({"type": "csv", "figure": ALL}, "n_clicks"),
        State("state", "data"),
        prevent_initial_call=True,
    )
    def download(clicks: list[int | None], values: Any) -> Any:
        if not any(clicks) or ctx.triggered_id is None:
            return no_update
        name = ctx.triggered_id["figure"]
        frame = shown_data(name, study, from_dict(values))
        return dcc.send_string(csv_text(frame), f"{study.path.stem}-{name}.csv")


def outside_of(study: Study, state: PageState) -> pd.DataFrame:
    """The optima of sizes that the cut keeps out of the fit."""
    low, high = state.cut or (0, np.inf)
    laws = study.answer(replace(state, cut=None))
    if isinstance(laws, str):
        return pd.DataFrame({"size": [], "error": [], "log_norm": []})
    return laws.sizes[~laws.sizes["size"].between(low, high)]


def shown_data(figure: str, study: Study, state: PageState) -> pd.DataFrame:
    """The rows that a figure shows."""
    if figure == "theory":
        return solve(state.alpha, state.radius).curve
    if figure in MODEL_FIGURES:
        place = MODEL_FIGURES.index(figure)
        return model_shown(state.tab, state.knobs).plots[place].table()
    if figure in ("norm", "step"):
        return table(lines_of(study.curves, state), state)
    laws = study.answer(state)
    if isinstance(laws, str):
        return pd.DataFrame()
    return rescaled_table(laws, state) if figure == "collapse" else laws.sizes


def _nothing(name: str, state: PageState, reason: str) -> Any:
    return theme.message(theme.blank(name, state, "", ""), reason)
