"""What happens when a menu or a number changes: one fit, one figure, three tables."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode

import numpy as np
import pandas as pd
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update

from normlaws.curves.files import csv_text
from normlaws.curves.metrics import ceiling
from normlaws.display.numbers import count, fixed, interval, significant, size_needed
from normlaws.explore import readout, theme
from normlaws.explore.direct.study import DirectStudy
from normlaws.explore.figures.direct import direct_laws
from normlaws.explore.ladder import Asked, LadderStudy
from normlaws.explore.ladder import register as register_collapse
from normlaws.explore.ladder.answers import ordered_axes, usual
from normlaws.explore.readout import INTERVAL, as_html
from normlaws.explore.state import State as PageState
from normlaws.laws import Comparison, DirectLaw
from normlaws.laws.direct.render import (
    HEADER,
    STARRED,
    bounds,
    forecast_rows,
    form_rows,
    size_name,
)
from normlaws.report.direct import headline, more_of
from normlaws.report.page import Table
from normlaws.report.scales import words


def register(app: Dash, study: DirectStudy, title: str, ladder: LadderStudy) -> None:
    """Fit and figures, address, downloads; the collapse, where runs have several records."""
    _settle(app, study)
    _answer(app, study)
    _keep(app, study, title, collapsed=bool(ladder.axes))
    _reload(app, study, ladder)
    if ladder.axes:
        _collapse(app, ladder)


def _settle(app: Dash, study: DirectStudy) -> None:
    @app.callback(
        Output("metric", "value"),
        Output("group", "value"),
        Output("size", "value"),
        Output("target", "value"),
        Input("url", "search"),
    )
    def settle(search: str | None) -> Any:
        """The menus as the address has them."""
        asked = _address(search)
        metric, group = asked.get("metric"), asked.get("group")
        return (
            metric if metric in study.curves.metrics else no_update,
            group if group in study.groups else no_update,
            _number(asked.get("size")) or no_update,
            _number(asked.get("target")) or no_update,
        )


def _answer(app: Dash, study: DirectStudy) -> None:
    @app.callback(
        Output("figure-direct", "figure"),
        Output("verdict", "children"),
        Output("forecast", "children"),
        Output("laws", "children"),
        Output("refused", "children"),
        Input("metric", "value"),
        Input("group", "value"),
        Input("size", "value"),
        Input("target", "value"),
        Input("seen", "data"),
    )
    def answer(metric: str, group: str, size: Any, target: Any, _seen: Any) -> Any:
        found = study.answer(metric, group)
        if isinstance(found, str):
            figure = theme.message(theme.blank("direct", PageState(), "", ""), found)
            return figure, [html.P(found, className="verdict")], [], [], ""
        asked, refused = _asked(size, target, metric)
        laws = found.laws if isinstance(found, Comparison) else {"": found}
        figure = direct_laws(laws, asked[0])
        return figure, _verdict(found), _forecast(found, *asked), _laws(found), refused


def _reload(app: Dash, study: DirectStudy, ladder: LadderStudy) -> None:
    @app.callback(
        Output("seen", "data"),
        Output("notice", "children"),
        Input("tick", "n_intervals"),
        prevent_initial_call=True,
    )
    def reload(_: Any) -> Any:
        """Read a running study again."""
        read = ladder.study
        if not read.reload():
            return no_update, f"Not read again: {read.trouble}" if read.trouble else no_update
        study.refresh(read.curves)
        return read.version, f"{len(read.curves):,} records read."


def _collapse(app: Dash, ladder: LadderStudy) -> None:
    @app.callback(
        Output("axis", "value"),
        Output("loss", "value"),
        Output("floor", "value"),
        Input("url", "search"),
    )
    def settle(search: str | None) -> Any:
        """The menus as the address has them."""
        asked = _address(search)
        return ladder.suited(asked.get("axis"), asked.get("loss"), _number(asked.get("floor")))

    @app.callback(
        Output("ladder", "data"),
        Input("axis", "value"),
        Input("loss", "value"),
        Input("floor", "value"),
        Input("seen", "data"),
    )
    def ask(axis: Any, loss: Any, floor: Any, seen: Any) -> Any:
        return {"asked": ladder.suited(axis, loss, floor), "seen": seen}

    def asked_of(store: Any) -> Asked | None:
        return ladder.suited(*store["asked"]) if store else None

    register_collapse(app, ladder, asked_of)


def _keep(app: Dash, study: DirectStudy, title: str, collapsed: bool) -> None:
    more = ("axis", "loss", "floor") if collapsed else ()
    names = ("metric", "group", "size", "target", *more)

    @app.callback(Output("query", "data"), *(Input(name, "value") for name in names))
    def keep(metric: str, group: str, size: Any, target: Any, *more: Any) -> str:
        return _query(study, metric, group, size, target, *more)

    @app.callback(
        Output("download", "data"),
        Input({"type": "csv", "figure": ALL}, "n_clicks"),
        State("metric", "value"),
        State("group", "value"),
        prevent_initial_call=True,
    )
    def download(clicks: list[int | None], metric: str, group: str) -> Any:
        found = study.answer(metric, group)
        if not any(clicks) or ctx.triggered_id is None or isinstance(found, str):
            return no_update
        laws = found.laws if isinstance(found, Comparison) else {"": found}
        table = pd.concat([law.sizes.assign(group=name) for name, law in laws.items()])
        return dcc.send_string(csv_text(table), f"{title}-direct.csv")

    def local(function: str, *wires: Input | Output | State) -> None:
        app.clientside_callback(
            ClientsideFunction("explore", function), *wires, prevent_initial_call=True
        )

    local("address", Output("linked", "data"), Input("query", "data"))
    local("follow", Output("tick", "disabled"), Input("follow", "value"))
    local("copy", Output("copy", "children"), Input("copy", "n_clicks"))
    local(
        "picture",
        Output("saved", "data"),
        Input({"type": "image", "figure": ALL, "form": ALL}, "n_clicks"),
        Input({"type": "whole", "figure": ALL}, "n_clicks"),
    )


def _address(search: str | None) -> dict[str, str]:
    return {name: found[-1] for name, found in parse_qs((search or "").lstrip("?")).items()}


def _query(
    study: DirectStudy,
    metric: str,
    group: str,
    size: Any,
    target: Any,
    axis: Any = None,
    loss: Any = None,
    floor: Any = None,
) -> str:
    given = {"metric": metric, "group": group, "size": size, "target": target, "axis": axis,
             "loss": loss, "floor": floor}  # fmt: skip
    start = {
        "axis": next(iter(ordered_axes(study.curves)), None),
        "loss": usual(study.curves),
        "floor": None,
        "metric": study.curves.default_metric(),
        "group": study.start,
        "size": 4.0 * max(study.curves.sizes),
        "target": None,
    }
    kept = {
        name: value
        for name, value in given.items()
        if value != start[name] and (value or name == "floor") and value is not None
    }
    return f"?{urlencode(kept)}" if kept else ""


def _asked(size: Any, target: Any, metric: str) -> tuple[tuple[float | None, float | None], str]:
    """Size and target where they can be used, and what cannot in a sentence."""
    top = ceiling(metric)
    refused = []
    if size is not None and not size > 0:
        size, refused = None, [f"Expected P above 0, got {size:g}."]
    if target is not None and not 0 < target <= top:
        refused.append(f"Expected a target above 0 and at most {top:g}, got {target:g}.")
        target = None
    return (size, target), " ".join(refused)


def _verdict(found: DirectLaw | Comparison) -> list[Any]:
    if isinstance(found, Comparison):
        return [html.P(found.sentence(), className="verdict")]
    steps = [html.Li(f"Next: {step}.") for step in found.verdict.next_steps]
    return [
        html.P(headline(found), className="verdict"),
        html.P(found.verdict.text, className="caption"),
        *([html.Ul(steps)] if steps else []),
    ]


def _forecast(found: DirectLaw | Comparison, size: float | None, target: float | None) -> list[Any]:
    """Errors at the asked P, and the data that an error needs, of every group."""
    laws = found.laws if isinstance(found, Comparison) else {"": found}
    rows, ahead = [], []
    for name, law in laws.items():
        said = f"{name}: " if name else ""
        if size is not None:
            ahead.append(one := law.forecast(size))
            named = f"{said}{words(law.metric)} at {size_name(law)} = {count(size)}"
            rows.append((named, one.error_text(), interval(one.error, significant)))
        if target is not None:
            needed = law.size_for_error(target)
            named = f"{said}{size_name(law)} needed for {significant(target)}"
            rows.append((named, size_needed(needed.value), interval(needed, size_needed)))
    table = Table("", ("one new run", "forecast", INTERVAL), rows, (1, 2))
    named = size_name(next(iter(laws.values())))
    return [as_html(table, rows, "Forecast"), *readout.bounds(ahead, named)]


def _laws(found: DirectLaw | Comparison) -> list[Any]:
    if isinstance(found, DirectLaw):
        ahead, forms = forecast_rows(found), form_rows(found)
        known = Table("", (size_name(found), words(found.metric), INTERVAL), ahead, range(3))
        beside = Table("", HEADER, forms, range(1, len(HEADER)))
        return [
            as_html(known, ahead, f"Forecast for more {more_of(found)}"),
            *([html.P(bounds(found), className="caption")] if bounds(found) else []),
            as_html(beside, forms, "Forms side by side"),
            html.P(f"{STARRED}.", className="caption"),
        ]
    gammas = [(n, fixed(law.gamma.value), interval(law.gamma)) for n, law in found.laws.items()]
    best = found.rows()
    header = ("P", "best", "error", "probability of being best")
    return [
        as_html(Table("", (found.by, "γ", INTERVAL), gammas, (1, 2)), gammas, "γ of every group"),
        as_html(Table("", header, best, (0, 2, 3)), best, "Which is best where"),
    ]


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if np.isfinite(value) else None
