"""The two figures of a solvable model's tab, from plain lines and fields."""

from __future__ import annotations

import numpy as np

from normlaws.arrays import Floats
from normlaws.explore import theme
from normlaws.explore.figure import Figure
from normlaws.explore.models.plot import Field, Line, Plot
from normlaws.explore.state import State
from normlaws.report.style import BAND, INK


def model_figure(name: str, plot: Plot, state: State) -> Figure:
    """Draw ``plot`` as the figure ``name``."""
    figure = theme.blank(name, state, plot.x, plot.y)
    if plot.field is not None:
        _fill(figure, plot.field)
    for line in plot.lines:
        figure.add_scatter(
            x=line.x,
            y=line.y,
            name=line.name,
            mode="markers" if line.symbol else "lines",
            line={"color": line.colour, "width": 2.2, "dash": line.dash},
            marker={
                "symbol": line.symbol or "circle",
                "size": 11,
                "color": "#fff",
                "line": {"color": line.colour, "width": 2.2},
            },
            hovertemplate=f"{line.name}<br>%{{x:.4g}}, %{{y:.4g}}<extra></extra>",
            meta={"role": "point" if line.symbol else "line"},
        )
    for x, y, text in plot.notes:
        figure.add_annotation(
            x=x, y=y, text=text, showarrow=False, font={"color": INK, "size": 13},
            bgcolor="rgba(255,255,255,.75)",
        )  # fmt: skip
    _scale(figure, plot)
    figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "y": -0.3, "yanchor": "top", "x": 0, "font": {"size": 12}},
    )
    return theme.zoomed(figure, state)


def _fill(figure: Figure, field: Field) -> None:
    figure.add_contour(
        x=field.x,
        y=field.y,
        z=field.z,
        colorscale=[[0, "#fff"], [1, BAND]],
        showscale=False,
        contours={"showlabels": True, "labelfont": {"size": 11, "color": INK}},
        line={"width": 0.6, "color": "#9a97a6"},
        hovertemplate=f"%{{x:.3g}}, %{{y:.3g}}<br>{field.name} = %{{z:.3g}}<extra></extra>",
        meta={"role": "field"},
    )


def _scale(figure: Figure, plot: Plot) -> None:
    """Kinds of axes and their ticks."""
    for which, log in zip("xy", plot.log, strict=True):
        values = np.concatenate([_along(line, which) for line in plot.lines])
        if log:
            theme.ticks(figure, which, values)
        else:
            figure.update_axis(which, type="linear")


def _along(line: Line, which: str) -> Floats:
    return np.asarray(line.x if which == "x" else line.y, dtype=float)
