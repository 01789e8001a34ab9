"""Build the page from an address, and read a running study again."""

from __future__ import annotations

import json
from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update

from normlaws.explore import readout
from normlaws.explore.page import body, facts
from normlaws.explore.pictures import Pictures
from normlaws.explore.state import from_query
from normlaws.explore.study import Study


def register(app: Dash, pictures: Pictures) -> None:
    """Page, reload button, polling."""
    study = pictures.study

    @app.callback(
        Output("page", "children"),
        Input("url", "search"),
        Input("outline", "data"),
        State("query", "data"),
    )
    def build(search: str | None, _: Any, query: str | None) -> Any:
        study.reload()
        asked = query if ctx.triggered_id == "outline" else search
        state = from_query(asked or "", study.curves)
        try:
            drawn, left_out = pictures.first(state), pictures.left_out(state)
        except Exception:  # the figures' own callbacks say why
            drawn, left_out = {}, ""
        return body(study, state, drawn, left_out)

    @app.callback(
        Output("seen", "data"),
        Output("outline", "data"),
        Output("notice", "children"),
        Input("reload", "n_clicks"),
        Input("tick", "n_intervals"),
        State("seen", "data"),
        prevent_initial_call=True,
    )
    def reload(_clicks: Any, _ticks: Any, seen: int) -> Any:
        if ctx.triggered_id is None:  # the page was built this moment
            return no_update, no_update, study.trouble
        before = outline(study)
        changed = study.reload() or seen != study.version
        after = outline(study)
        if study.trouble:
            said: Any = f"Not read again: {study.trouble}"
        elif changed:
            said = f"{len(study.curves):,} records read."
        else:
            said = "Nothing new on disk." if ctx.triggered_id == "reload" else no_update
        return (
            study.version if changed else no_update,
            no_update if after == before else after,
            said,
        )

    @app.callback(
        Output("facts", "children"),
        Output("troubled", "children"),
        Input("seen", "data"),
        prevent_initial_call=True,
    )
    def describe(_: int) -> Any:
        return facts(study), readout.troubled(study.curves)


def outline(study: Study) -> str:
    """What the controls are made of: where it changes, they are built anew."""
    curves = study.curves
    return json.dumps([curves.sizes, curves.seeds, curves.norms, curves.metrics])
