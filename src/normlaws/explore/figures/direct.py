"""Lowest errors against P with direct laws and forecasts: of one law, or of several groups."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd

from normlaws.display.numbers import count, significant
from normlaws.explore import theme
from normlaws.explore.figure import Figure
from normlaws.explore.state import State
from normlaws.laws import DirectLaw
from normlaws.report.scales import words
from normlaws.report.style import FIT, MUTED

AHEAD = 10.0  # how far beyond the largest size the forecast is drawn
POINTS = 60
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "x", "star", "pentagon")


def direct_laws(laws: Mapping[str, DirectLaw], size: float | None = None) -> Figure:
    """Draw the laws with their prediction intervals, as far as ten times the largest size.

    Args:
        laws: {name of the group: its law}; one alone may have an empty name.
        size: up to which to draw, where that is further.
    """
    first = next(iter(laws.values()))
    scale = "training-set size P" if first.scale == "size" else words(first.scale)
    figure = theme.blank("direct", State(), scale, f"lowest {words(first.metric)}")
    known = [float(one) for law in laws.values() for one in law.sizes["size"]]
    end = max(AHEAD * max(known), size or 0)
    heights: list[float] = []
    for place, (name, law) in enumerate(laws.items()):
        heights += _law(figure, name, law, place, len(laws), end)
    figure.add_shape(
        type="line", x0=max(known), x1=max(known), y0=0, y1=1, yref="paper",
        line={"color": MUTED, "width": 1.2, "dash": "dot"},
    )  # fmt: skip
    theme.ticks(figure, "x", [*known, end], "~s")
    theme.ticks(figure, "y", heights)
    if len(laws) > 1:
        below = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}
        rows = -(-len(laws) // 2)  # two names side by side on a phone
        figure.update_layout(showlegend=True, legend=below, margin={"b": 55 + 20 * rows})
    return figure


def _law(
    figure: Figure, name: str, law: DirectLaw, place: int, groups: int, end: float
) -> list[float]:
    """One law with its interval and its data; returns the heights that were drawn."""
    colour = FIT if groups == 1 else mpl.colors.to_hex(mpl.colormaps["tab10"](place % 10))
    at = np.geomspace(float(law.sizes["size"].min()), end, POINTS)
    found = [one.error for one in law.forecast(at)]
    middle = [one.value for one in found]
    if found[-1].low is not None:
        figure.add_scatter(
            x=[*at, *at[::-1]],
            y=[*(one.low for one in found), *(one.high for one in reversed(found))],
            fill="toself", fillcolor=theme.see_through(colour, 0.13), line={"width": 0},
            hoverinfo="skip", showlegend=False, meta={"role": "interval"},
        )  # fmt: skip
    label = f"{name}, γ = {law.gamma.value:.2f}".lstrip(", ")
    figure.add_scatter(
        x=at, y=middle, mode="lines", line={"color": colour, "width": 1.8}, name=label,
        hovertemplate=f"{label}<br>P = %{{x:,.4~g}}: %{{y:.3g}}<extra></extra>",
        meta={"role": "law"},
    )  # fmt: skip
    symbol = SYMBOLS[place % len(SYMBOLS)]
    sizes = pd.concat([law.sizes, law.so_far.assign(n_unfinished=law.so_far["n_runs"])])
    going = [bool(number) for number in sizes["n_unfinished"]]
    figure.add_scatter(
        x=sizes["size"], y=sizes["error"], mode="markers", name=name, showlegend=False,
        marker={
            "symbol": [f"{symbol}-open" if one else symbol for one in going],
            "size": 10, "color": colour,
            "line": {"color": [colour if one else "#fff" for one in going],
                     "width": [2 if one else 1 for one in going]},
        },
        customdata=[
            [name, count(row.size), significant(row.error), count(row.n_runs),
             f", {row.n_unfinished} unfinished: lowest so far" if row.n_unfinished else ""]
            for row in sizes.itertuples(index=False)
        ],
        hovertemplate="%{customdata[0]} P = %{customdata[1]}: %{customdata[2]}, runs: "
        "%{customdata[3]}%{customdata[4]}<extra></extra>",
        meta={"role": "sizes"},
    )  # fmt: skip
    return [*middle, *sizes["error"].astype(float)]
