"""The three figures of a collapse: normalised curves, deviation beside noise, residuals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from normlaws.curves import as_size
from normlaws.explore import theme
from normlaws.explore.figure import Figure
from normlaws.explore.state import State
from normlaws.laws import Collapse
from normlaws.laws.collapse import Finish
from normlaws.report.scales import words
from normlaws.report.style import BAND, FIT, MUTED, PREDICTION, size_colours


def normalised(found: Collapse, running: Sequence[Finish] = ()) -> Figure:
    """Draw ℓ(x) of every finished run, their mean, and unfinished runs over their expected end."""
    floor = found.floor.value
    figure = _blank("normalised", found, _share(found), f"normalised {words(found.metric)}, ℓ(x)")
    going = {one.run: one for one in running}
    sizes = [*found.ladder.sizes, *(one.size for one in running)]
    colours = size_colours(sizes)
    heights = found.ladder.normalised(floor)
    for track, curve in zip(found.ladder.finished, heights, strict=True):
        _line(figure, found.x, curve, track.name, track.size, colours, "solid")
    for track in found.ladder.running:
        one = going.get(track.name)
        if one is not None and one.value.value > floor:
            curve = (track.ending(one.end).on(found.x) - floor) / (one.value.value - floor)
            _line(figure, found.x, curve, track.name, track.size, colours, "dot")
    figure.add_scatter(
        x=found.x, y=found.curve, mode="lines", name="mean",
        line={"color": FIT, "width": 1.6, "dash": "dash"},
        hovertemplate="mean<br>x = %{x:.2f}, ℓ = %{y:.4g}<extra></extra>", meta={"role": "law"},
    )  # fmt: skip
    theme.ticks(figure, "x", found.x)
    theme.ticks(figure, "y", heights.ravel())
    return figure


def deviation(found: Collapse, _running: Sequence[Finish] = ()) -> Figure:
    """Draw Δ(x) with its interval, and σ̄(x) where seeds tell it."""
    table = found.table()
    table = table[table["x"] < 1]
    figure = _blank("deviation", found, _share(found), "share of the reducible part")
    if np.isfinite(table["low"]).all():
        figure.add_scatter(
            x=np.concatenate([table["x"], table["x"][::-1]]),
            y=np.concatenate([table["high"], table["low"][::-1]]),
            fill="toself", fillcolor=BAND, mode="lines", line={"width": 0}, hoverinfo="skip",
            meta={"role": "band"}, showlegend=False,
        )  # fmt: skip
    for name, column, colour in (("Δ", "deviation", FIT), ("σ̄", "noise", PREDICTION)):
        if np.isfinite(table[column]).any():
            figure.add_scatter(
                x=table["x"], y=table[column], mode="lines", name=name,
                line={"color": colour, "width": 2},
                hovertemplate=f"{name} = %{{y:.3g}} at x = %{{x:.2f}}<extra></extra>",
                meta={"role": "line"},
            )  # fmt: skip
    figure.update_axis("x", type="linear")
    figure.update_layout(showlegend=True, legend={"x": 1, "xanchor": "right", "y": 1})
    theme.ticks(figure, "y", table[["deviation", "noise"]].to_numpy().ravel())
    return figure


def residuals(found: Collapse, _running: Sequence[Finish] = ()) -> Figure:
    """Draw every run's mean residual against its size, with the trend."""
    order = found.order
    unit = "σ̄" if order.unit == "sigma" else "% of the reducible part"
    scale = "size P" if found.scale == "size" else words(found.scale)
    figure = _blank("residuals", found, scale, f"residual ({unit})")
    colours = size_colours(found.ladder.sizes)
    for size, part in order.table.groupby("size", sort=True):
        figure.add_scatter(
            x=part["size"], y=part["residual"], mode="markers", text=part["run"],
            marker={"color": colours[as_size(size)], "size": 8},
            hovertemplate="%{text}: %{y:+.2f}<extra></extra>",
            meta={"size": as_size(size), "role": "line", "opacity": 1.0},
        )  # fmt: skip
    sizes = order.table["size"].to_numpy(dtype=float)
    logs = np.log(sizes)
    ends = np.array([logs.min(), logs.max()])
    height = order.table["residual"].mean() + order.trend.value * (ends - logs.mean())
    figure.add_scatter(
        x=np.exp(ends), y=height, mode="lines", hoverinfo="skip",
        line={"color": FIT, "width": 1.6, "dash": "dash"}, meta={"role": "law"},
    )  # fmt: skip
    figure.add_shape(
        type="line", x0=0, x1=1, xref="paper", y0=0, y1=0, line={"color": MUTED, "width": 1}
    )
    figure.update_axis("y", type="linear")
    theme.ticks(figure, "x", sizes)
    return figure


def _blank(name: str, found: Collapse, x: str, y: str) -> Figure:
    return theme.blank(name, State(norm=found.axis, metric=found.metric), x, y)


def _share(found: Collapse) -> str:
    return f"{words(found.axis)} over its end, x"


def _line(
    figure: Figure,
    x: np.ndarray,
    y: np.ndarray,
    name: str,
    size: float,
    colours: dict[int, str],
    dash: str,
) -> None:
    figure.add_scatter(
        x=x, y=y, mode="lines", name=name,
        line={"color": colours[as_size(size)], "width": 1.3, "dash": dash},
        hovertemplate=f"{name}<br>x = %{{x:.2f}}, ℓ = %{{y:.4g}}<extra></extra>",
        meta={"size": as_size(size), "role": "line", "opacity": 1.0},
    )  # fmt: skip
