"""The house style for interactive figures: the palette of the report, in plotly's terms."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np

from normlaws.arrays import Floats
from normlaws.explore.figure import Figure
from normlaws.explore.state import State
from normlaws.report.scales import words
from normlaws.report.style import GRID, INK, MUTED

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
LARGEST_LOG = 700.0  # exp of it is close to the largest float64
THOUSANDS = 7.0  # ln of the largest norm from which on marks are written 1k, 2k, 5k
LEFT = 78  # pixels left of the vertical axis, at least
TITLE, DIGIT = 34, 7.6  # pixels of the axis' title with its distances, and of a digit
DECADES = 2.6  # from here on, powers of ten alone are named


def configured(movable: bool) -> Any:
    """Plotly's settings of a figure: nothing that uploads; whether its shapes can be dragged."""
    return {
        "displaylogo": False,
        "displayModeBar": True,
        "responsive": True,
        "plotlyServerURL": "",
        "modeBarButtonsToRemove": ["sendChartToCloud", "lasso2d", "autoScale2d", "toImage"],
        "edits": {"shapePosition": movable},
    }


def blank(name: str, state: State, x: str, y: str) -> Figure:
    """An empty figure of some name, with two logarithmic axes of some titles."""
    of = state.zoom_of(name)
    axis: dict[str, Any] = {
        "type": "log",
        "gridcolor": GRID,
        "linecolor": MUTED,
        "tickcolor": MUTED,
        "ticks": "outside",
        "zeroline": False,
        "showline": True,
        "automargin": True,
        "exponentformat": "power",
    }
    return Figure(
        {
            "showlegend": False,
            "dragmode": "zoom",
            "hovermode": "closest",
            "uirevision": of,
            "paper_bgcolor": "#fff",
            "plot_bgcolor": "#fff",
            "font": {"family": FONT, "size": 13, "color": INK},
            "margin": {"l": LEFT, "r": 14, "t": 34, "b": 62},
            "meta": {"figure": name, "of": of},
            "modebar": {"bgcolor": "#fff", "color": MUTED, "activecolor": INK},
            "xaxis": axis | {"title": {"text": x, "standoff": 10}},
            "yaxis": axis | {"title": {"text": y, "standoff": 8}},
            "hoverlabel": {
                "bgcolor": "#fff", "bordercolor": MUTED, "font": {"color": INK, "size": 13}
            },
        }
    )  # fmt: skip


def zoomed(figure: Figure, state: State) -> Figure:
    """The figure with the axes' ranges that the state asks for."""
    for name, left, right, bottom, top in state.zoom:
        if name == figure.layout["meta"]["figure"]:
            figure.update_axis("x", range=[left, right])
            figure.update_axis("y", range=[bottom, top])
    return figure


def ticks(figure: Figure, which: str, values: Iterable[float], plain: str = ",~g") -> None:
    """Name 1, 2 and 5 on a log axis of few decades, in a plain form; else powers of ten."""
    array = np.asarray(list(values), dtype=float)
    array = array[np.isfinite(array) & (array > 0)]
    if not array.size:
        return
    decades = 0.15 + 1.1 * float(np.log10(array.max() / array.min()))  # with room at the ends
    few = {"nticks": 3 if 0.8 < decades < 2 else 5 if decades < DECADES else 4}
    minor = {"ticks": "outside", "ticklen": 3, "tickcolor": MUTED}
    figure.update_axis(which, minor=minor, **few)
    if decades < DECADES and 1e-3 < array.max() < 1e6:
        figure.update_axis(which, tickformat=plain)
        if which == "y":
            figure.update_layout(margin={"l": _left(array, plain)})


def _left(values: Floats, plain: str) -> int:
    """Pixels left of the axis: with too few, plotly finds out and draws everything again."""
    low, high = np.log10(values.min()), np.log10(values.max())
    decades = 10.0 ** np.arange(np.floor(low), np.ceil(high) + 1)
    marks = [mark * factor for mark in decades for factor in (1, 2, 5)]
    inside = [mark for mark in marks if values.min() * 0.8 <= mark <= values.max() * 1.25]
    written = plain.replace("~", "") if plain.endswith("g") else ",g"
    return max(LEFT, *(TITLE + round(DIGIT * len(f"{mark:{written}}")) for mark in inside), 0)


def of_norm(logs: Iterable[float]) -> bool:
    """Whether λ itself can be an axis; otherwise ln λ is."""
    array = np.asarray(list(logs), dtype=float)
    array = array[np.isfinite(array)]
    return not array.size or bool(np.abs(array).max() <= LARGEST_LOG)


def place(logs: Any, as_norm: bool) -> Any:
    """Natural logarithms in the coordinates of a norm's axis."""
    return np.exp(logs) if as_norm else np.asarray(logs, dtype=float)


def norm_axis(figure: Figure, which: str, norm: str, logs: Iterable[float]) -> bool:
    """Prepare an axis for a norm; whether it holds λ (and not ln λ)."""
    logs = np.asarray(list(logs), dtype=float)
    as_norm = of_norm(logs)
    if as_norm:
        in_thousands = which == "x" and logs.min(initial=0) >= 0 and logs.max(initial=0) > THOUSANDS
        ticks(figure, which, np.exp(logs), "~s" if in_thousands else ",~g")
    else:
        figure.update_axis(which, type="linear", title={"text": f"ln λ ({words(norm)})"})
    return as_norm


def see_through(colour: str, alpha: float) -> str:
    """``"#rrggbb"`` as ``"rgba(…)"``."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def message(figure: Figure, text: str) -> Figure:
    """Say in the figure why there is nothing to draw."""
    figure.add_annotation(
        text="<br>".join(textwrap.wrap(text, 44)),
        showarrow=False,
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        font={"color": MUTED, "size": 14},
    )
    figure.update_axis("x", type="linear", range=[0, 1], showticklabels=False)
    figure.update_axis("y", type="linear", range=[0, 1], showticklabels=False)
    return figure
