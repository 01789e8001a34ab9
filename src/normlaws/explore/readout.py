"""What the fit says, as tables and sentences of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from dash import html

from normlaws.curves import Curves
from normlaws.display.exponents import EXPONENTS
from normlaws.display.numbers import NONE, count, fixed, interval, power, significant, size_needed
from normlaws.explore.figures.perceptron import rule_styles
from normlaws.explore.markup import data, labelled
from normlaws.explore.solved import Solved
from normlaws.explore.state import State
from normlaws.laws import Estimate, Forecast, Laws
from normlaws.laws.clocks import clock_sentence
from normlaws.laws.headline import headline
from normlaws.laws.render import (
    CLOCK_NUMBERS,
    CLOCKS,
    CLOCKS_MEAN,
    FINDING_NUMBERS,
    FINDINGS,
    clock_rows,
    finding_rows,
)
from normlaws.laws.result import bounds_text
from normlaws.report.page import Table
from normlaws.report.scales import words
from normlaws.report.style import FIT

WAITING = "…"
INTERVAL = "95\u00a0% interval"

SHOWN = ("gamma", "gamma1", "gamma0", "gamma2", "product", "difference")


def exponents(laws: Laws, waiting: bool) -> list[Any]:
    """The exponents and their intervals, which may still be on their way."""
    rows = [
        (one.typeset, fixed(found.value), _interval(found, waiting), one.meaning)
        for name in SHOWN
        for one, found in [(EXPONENTS[name], getattr(laws, name))]
    ]
    rows.append(("collapse", significant(laws.collapse), "", "spread over seed noise"))
    header = ("exponent", "value", INTERVAL, "meaning")
    return [as_html(Table("", header, rows, (1, 2)), rows, "Exponents")]


def _interval(found: Estimate, waiting: bool) -> str:
    shown = interval(found)
    return WAITING if waiting and shown == NONE else shown


def sentence(reason: str) -> html.P:
    """Why there are no laws."""
    return html.P(f"The laws could not be fitted: {reason}", className="verdict")


def verdict(laws: Laws, waiting: bool) -> list[Any]:
    """The headline, the reasons, and what to run next; waits for the intervals it rests on."""
    if waiting:
        return [html.P(f"Resampling seeds {WAITING}", className="verdict")]
    steps = [html.Li(f"Next: {step}.") for step in laws.verdict.next_steps]
    return [
        html.P(headline(laws), className="verdict"),
        html.P(laws.verdict.text, className="caption"),
        *([html.Ul(steps)] if steps else []),
    ]


def findings(laws: Laws, waiting: bool) -> list[Any]:
    """What was asked of the curves: answer, figure, interval, bounds and power."""
    if waiting:
        return [html.P(f"Resampling seeds {WAITING}")]
    rows = finding_rows(laws)
    table = Table("", FINDINGS, rows, FINDING_NUMBERS, stacked=True)
    return [as_html(table, rows, "Findings")]


def clocks(table: pd.DataFrame | None) -> list[Any]:
    """The figures of the laws along every recorded clock; ``None`` while they are on their way."""
    if table is None:
        return [html.P(WAITING)]
    rows = clock_rows(table)
    return [
        html.P(clock_sentence(table)),
        as_html(Table("", CLOCKS, rows, CLOCK_NUMBERS), rows, "Clocks"),
        html.P(CLOCKS_MEAN, className="caption"),
    ]


def forecast(laws: Laws, ahead: Forecast, needed: Estimate | None, state: State) -> list[Any]:
    """Error and stopping norm at the asked P, data needed for the asked error."""
    rows = [
        (
            f"{words(laws.metric)} at P = {count(ahead.size)}",
            ahead.error_text(),
            interval(ahead.error, significant),
        ),
        ("stopping norm there", power(ahead.log_norm.value), interval(ahead.log_norm, power)),
    ]
    if needed is not None and state.target is not None:
        rows.append(
            (f"P needed for {significant(state.target)}", size_needed(needed.value), _sizes(needed))
        )
    table = Table("", ("one new run", "forecast", INTERVAL), rows, (1, 2))
    return [as_html(table, rows, "Forecast"), *bounds([ahead])]


def bounds(ahead: Sequence[Forecast], size_name: str = "P") -> list[Any]:
    """What ``≤`` means in a table of forecasts; nothing where none is a bound."""
    said = bounds_text(ahead, size_name)
    return [html.P(said, className="caption")] if said else []


def solved(values: Solved, state: State) -> list[Any]:
    """The current point, the optimum and the rules at this α."""
    rows = [
        ("ε at the current point", _six(values.error), ""),
        ("overlap ρ there", _six(values.overlap), ""),
        ("λ_opt, the norm of lowest error", f"{values.best_norm:.6g}", ""),
        ("ε at λ_opt", _six(values.best_error), _swatch(FIT, "none", "solid line")),
        *(
            (f"ε of {_RULE_NAMES[name]}", _six(values.rules[name]), _swatch(colour, dashes, style))
            for name, (colour, style, dashes) in rule_styles().items()
        ),
    ]
    caption = f"At α = {state.alpha:g}, λ = {state.radius:g}"
    return [as_html(Table(caption, ("quantity", "value", "line"), (), (1,)), rows, caption)]


_RULE_NAMES = {
    "hebb": "Hebb's rule, the limit of small norm",
    "gibbs": "Gibbs' rule",
    "max-stability": "maximum stability, the limit of large norm",
    "bayes": "Bayes' bound",
}


def _swatch(colour: str, dashes: str, words: str) -> html.Img:
    """A piece of line as it is drawn in the figure."""
    picture = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 52 10'><path d='M0 5H52' "
        f"stroke='{colour}' stroke-width='2.5' stroke-dasharray='{dashes}'/></svg>"
    )
    return html.Img(src=f"data:image/svg+xml,{quote(picture)}", alt=words, className="dash")


def troubled(curves: Curves) -> list[Any]:
    """Runs that are not complete, with how far they came."""
    runs = curves.runs[curves.runs["status"] != "complete"]
    if runs.empty:
        return []
    last = curves.frame.groupby("run")["step"].max()
    rows = [
        (
            count(run["size"]),
            NONE if pd.isna(run["seed"]) else str(run["seed"]),
            str(run["status"]),
            str(last.get(run["run"], NONE)),
            str(run["error"])[:200],
        )
        for run in runs.to_dict("records")
    ]
    table = Table("", ("P", "seed", "status", "last step", "message"), rows, (0, 1, 3))
    return [
        html.H2(f"Runs that are not complete ({len(runs)})"),
        as_html(table, rows, "Runs that are not complete"),
    ]


def as_html(table: Table, rows: Any, name: str) -> html.Div:
    """A table; its first column names the row, ``name`` the table to a screen reader."""
    head = [
        html.Th(cell, scope="col", className=_kind(table, at))
        for at, cell in enumerate(table.header)
    ]
    body = [
        html.Tr(
            [
                html.Th(cell, scope="row", className="number" if 0 in table.numeric else "")
                if at == 0
                else html.Td(cell, className=_kind(table, at), **data(label=table.header[at]))
                for at, cell in enumerate(row)
            ]
        )
        for row in rows
    ]
    parts: list[Any] = [html.Thead(html.Tr(head)), html.Tbody(body)]
    caption = [html.Caption(table.caption)] if table.caption else []
    return html.Div(
        html.Table([*caption, *parts]),
        className="scroll stacked" if table.stacked else "scroll",
        tabIndex=0,
        role="region",
        **labelled(name),
    )


def _kind(table: Table, column: int) -> str:
    return "number" if column in table.numeric else table.header[column]


def _six(value: float) -> str:
    return f"{value:.6f}" if np.isfinite(value) else "beyond precision"


def _sizes(needed: Estimate) -> str:
    if needed.low is None or needed.high is None:
        return NONE
    return f"{size_needed(needed.low)} to {size_needed(needed.high)}"
