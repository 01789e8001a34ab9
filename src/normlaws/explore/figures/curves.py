"""Error against norm and against step: the same lines, point for point, so that they can be linked.

In both figures the lines come first, in the same order and with the same points. Lines that look
alike (one size, one status) are one trace with gaps: a browser takes its time for each trace.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np

from normlaws.arrays import Floats
from normlaws.display.numbers import count, power, significant
from normlaws.explore import theme
from normlaws.explore.figure import Figure
from normlaws.explore.lines import Line
from normlaws.explore.state import Span, State
from normlaws.laws import Laws
from normlaws.laws.early_line import early_line
from normlaws.report.scales import metric_label, words
from normlaws.report.style import INK, PREDICTION, WINDOW

DASHES = {"complete": "solid", "unfinished": "dash", "diverged": "dot", "failed": "dot"}
PALE = 0.35  # opacity of sizes outside the P cut
MOST_MARKERS = 300  # drawn in a figure; every record can be pointed at nevertheless
Placed = Callable[[Line], Floats]
EDGE = {"color": PREDICTION, "width": 2}


def error_against_norm(
    lines: list[Line],
    laws: Laws | None,
    window: Span | None,
    colours: dict[int, str],
    state: State,
) -> Figure:
    """Draw the lines over the norm, with early window, early law and optima where there are laws.

    The window's edges are the figure's two movable shapes.
    """
    figure = theme.blank("norm", state, f"{words(state.norm)} λ", metric_label(state.metric))
    logs = np.concatenate([line.log_norm for line in lines] or [np.zeros(0)])
    as_norm = theme.norm_axis(figure, "x", state.norm, logs)
    theme.ticks(figure, "y", np.concatenate([line.value for line in lines] or [np.zeros(0)]))
    _curves(figure, lines, lambda line: theme.place(line.log_norm, as_norm), colours, state)
    if window is not None:
        _window(figure, window, as_norm)
    if laws is not None:
        _law(figure, laws, as_norm)
        _optima(figure, laws, as_norm, colours, state)
    _ring(figure)
    return theme.zoomed(figure, state)


def error_against_step(lines: list[Line], colours: dict[int, str], state: State) -> Figure:
    """Draw the same lines over the optimiser step; step 0 has a place left of the first."""
    figure = theme.blank("step", state, "optimiser step", metric_label(state.metric))
    steps = np.concatenate([line.step for line in lines] or [np.zeros(0)])
    if not np.isfinite(steps).any():
        return theme.message(figure, "these curves carry no optimiser steps")
    zero = _step_zero(figure, steps)
    theme.ticks(figure, "y", np.concatenate([line.value for line in lines]))
    _curves(figure, lines, lambda line: _at_step(line, zero), colours, state)
    _ring(figure)
    return theme.zoomed(figure, state)


def _at_step(line: Line, zero: float) -> Floats:
    return np.where(line.step > 0, line.step, zero)


def _step_zero(figure: Figure, steps: Floats) -> float:
    """Where step 0 stands on the log axis; names it and the powers of ten there."""
    positive = steps[steps > 0]
    first, last = (positive.min(), positive.max()) if positive.size else (1.0, 10.0)
    zero = float(first / 3)
    decades = 10.0 ** np.arange(np.ceil(np.log10(first)), np.floor(np.log10(last)) + 1)
    marks = [mark * factor for mark in decades for factor in (1, 2, 5)]
    wide = np.log10(last / first) >= theme.DECADES
    named = list(decades) if wide else [mark for mark in marks if mark <= last]
    figure.update_axis(
        "x", tickvals=[zero, *named], ticktext=["0", *(f"{mark:,.0f}" for mark in named)]
    )
    return zero


def _curves(
    figure: Figure, lines: list[Line], x_of: Placed, colours: dict[int, str], state: State
) -> None:
    """The lines, then their bands, then a cross where a run broke off."""
    alike = [list(group) for _, group in groupby(sorted(lines, key=_look), key=_look)]
    most = max(MOST_MARKERS // max(len(alike), 1), 1)
    for group in alike:
        _draw(figure, group, x_of, colours, state, most)
    for line in lines:
        _band(figure, line, x_of(line), colours)
    for group in alike:
        _crosses(figure, group, x_of, colours)


def _look(line: Line) -> tuple[int, str, bool]:
    """What lines of one trace have in common: size, status, and whether they have seeds."""
    return line.size, line.status, line.seed is not None


def _draw(
    figure: Figure,
    lines: list[Line],
    x_of: Placed,
    colours: dict[int, str],
    state: State,
    most: int,
) -> None:
    """Lines that look alike, as one trace, of whose markers at most ``most`` are drawn."""
    size, status, _ = _look(lines[0])
    outside = state.cut is not None and not state.cut[0] <= size <= state.cut[1]
    name = f"P = {count(size)}" + (f", {lines[0].name}" if len(lines) == 1 else "")
    figure.add_scatter(
        x=_joined([x_of(line) for line in lines]),
        y=_joined([line.value for line in lines]),
        mode="lines+markers",
        line={"color": colours[size], "width": 1.8, "dash": DASHES[status]},
        marker={"color": colours[size], "size": 4, "maxdisplayed": most},
        selected={"marker": {"size": 9}},
        unselected={"marker": {"opacity": 0.25}},
        opacity=PALE if outside else 1.0,
        name=name,
        meta={"size": size, "role": "line", "opacity": PALE if outside else 1.0},
        connectgaps=False,
        **_said(lines, state),
    )


def _said(lines: list[Line], state: State) -> dict[str, Any]:
    """What a trace says at the point that is pointed at: numbers, and how they are written."""
    size, status, _ = _look(lines[0])
    names = {line.name for line in lines}
    who = names.pop() if len(names) == 1 else "seed %{customdata[2]:d}"
    logs = _joined([line.log_norm for line in lines])
    as_norm = theme.of_norm(logs)
    steps = _joined([line.step for line in lines])
    seeds = _joined([np.full(len(line.step), _number(line.seed)) for line in lines])
    parts = [
        f"P = {count(size)}, {who}" + ("" if status == "complete" else f" ({status})"),
        *(["step %{customdata[0]:,d}"] if np.isfinite(steps).any() else []),
        "λ = %{customdata[1]:,.3~g}" if as_norm else "ln λ = %{customdata[1]:.2f}",
        f"{words(state.metric)} %{{y:,.3~g}}<extra></extra>",
    ]
    return {
        "customdata": np.column_stack([steps, theme.place(logs, as_norm), seeds]),
        "hovertemplate": "<br>".join(parts),
    }


def _number(value: int | None) -> float:
    return np.nan if value is None else float(value)


def _joined(parts: list[Floats]) -> Floats:
    """The parts in a row, NaN between."""
    gap = np.full(1, np.nan)
    return np.concatenate([one for part in parts for one in (part, gap)][:-1])


def _band(figure: Figure, line: Line, x: Floats, colours: dict[int, str]) -> None:
    known = np.isfinite(line.low) & np.isfinite(x) & (line.value > 0)
    if not known.any():
        return
    low = np.maximum(line.low, line.value / 10)[known]
    figure.add_scatter(
        x=np.concatenate([x[known], x[known][::-1]]),
        y=np.concatenate([line.high[known], low[::-1]]),
        fill="toself",
        fillcolor=theme.see_through(colours[line.size], 0.16),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        meta={"size": line.size, "role": "band", "opacity": 1.0},
    )


def _crosses(figure: Figure, lines: list[Line], x_of: Placed, colours: dict[int, str]) -> None:
    """A cross where a run broke off, of runs that look alike."""
    ends = [
        (line, last) for line in lines if line.broken and (last := line.last_known()) is not None
    ]
    if not ends:
        return
    size, status, _ = _look(lines[0])
    figure.add_scatter(
        x=[x_of(line)[last] for line, last in ends],
        y=[line.value[last] for line, last in ends],
        mode="markers",
        marker={"symbol": "x-thin", "size": 13, "line": {"width": 3, "color": colours[size]}},
        customdata=[[line.name, _step(line.step[last])] for line, last in ends],
        hovertemplate=f"P = {count(size)}, %{{customdata[0]}}: {status} after step "
        "%{customdata[1]}<extra></extra>",
        meta={"size": size, "role": "cross", "opacity": 1.0},
    )


def _step(value: float) -> str:
    return "–" if np.isnan(value) else count(value)


def _ring(figure: Figure) -> None:
    """Nothing yet: the browser puts it around the record that is pointed at in either figure."""
    figure.add_scatter(
        x=[],
        y=[],
        mode="markers",
        marker={"symbol": "circle-open", "size": 15, "color": INK, "line": {"width": 2.5}},
        hoverinfo="skip",
        meta={"role": "ring"},
    )


def _window(figure: Figure, window: Span, as_norm: bool) -> None:
    low, high = (float(edge) for edge in theme.place(np.array(window), as_norm))
    upright = {"y0": 0, "y1": 1, "yref": "paper"}
    figure.add_shape(
        type="rect", x0=low, x1=high, fillcolor=WINDOW, line={"width": 0}, layer="below", **upright
    )
    for edge in (low, high):
        figure.add_shape(type="line", x0=edge, x1=edge, line=EDGE, **upright)


def _law(figure: Figure, laws: Laws, as_norm: bool) -> None:
    """The early law at the largest size, whose stay in the window is the longest."""
    at, early = early_line(laws)
    if not len(at):
        return
    figure.add_scatter(
        x=theme.place(at, as_norm),
        y=early,
        mode="lines",
        line={"color": PREDICTION, "width": 2.4, "dash": "6px,4px"},
        name=f"early law, γ₁ = {laws.gamma1.value:.3f}",
        hovertemplate=f"early law, γ₁ = {laws.gamma1.value:.3f}<extra></extra>",
        meta={"role": "law"},
    )


def _optima(
    figure: Figure, laws: Laws, as_norm: bool, colours: dict[int, str], state: State
) -> None:
    shown = laws.sizes[~laws.sizes["size"].isin(state.hidden)]
    hollow = shown["n_censored"] > 0
    figure.add_scatter(
        x=theme.place(shown["log_norm"].to_numpy(), as_norm),
        y=shown["error"],
        mode="markers",
        marker={
            "size": 11,
            "color": [
                "#fff" if empty else colours[size]
                for empty, size in zip(hollow, shown["size"], strict=True)
            ],
            "line": {"color": INK, "width": 1.4},
        },
        customdata=[
            [count(row.size), power(row.log_norm), significant(row.error)]
            for row in shown[["size", "log_norm", "error"]].itertuples(index=False, name="Row")
        ],
        hovertemplate="optimum of P = %{customdata[0]}<br>λ = %{customdata[1]}<br>"
        "%{customdata[2]}<extra></extra>",
        name="optimum",
        meta={"role": "optima"},
    )
