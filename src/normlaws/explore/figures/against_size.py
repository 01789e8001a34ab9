"""The optimum against P: direct law, late law, the cut, and the forecast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.display.numbers import count, power, significant
from normlaws.explore import theme
from normlaws.explore.figure import Figure
from normlaws.explore.state import State
from normlaws.laws import Estimate, Forecast, Laws
from normlaws.laws.predicted_line import predicted_line
from normlaws.report.scales import metric_label
from normlaws.report.style import FIT, INK, NEUTRAL, PREDICTION

OUTSIDE = "rgba(90,88,102,0.13)"


def error_against_size(
    laws: Laws,
    outside: pd.DataFrame,
    forecast: Forecast,
    needed: Estimate | None,
    sizes: list[int],
    colours: dict[int, str],
    state: State,
) -> Figure:
    """Draw lowest error against P with the direct law, the two laws' slope and the forecast.

    Sizes ``outside`` the cut are shown without a say in the laws. The edges of the cut are the
    figure's two movable shapes.
    """
    figure = theme.blank("error", state, "training-set size P", _lowest(laws))
    _outside(figure, outside, "error", np.asarray, significant)
    _points(figure, laws, "error", np.asarray, significant, colours)
    fitted = laws.sizes[laws.sizes["used"].astype(bool)]
    if len(fitted) > 1:
        ends = _ends(fitted, forecast)
        _line(figure, ends, laws.direct_law(ends), FIT, "solid", "direct law")
        _line(figure, ends, predicted_line(laws, ends), PREDICTION, "dash", "two laws' slope")
    _diamond(figure, forecast.size, forecast.error, forecast.error_text(), "forecast")
    if needed is not None and np.isfinite(needed.value) and state.target is not None:
        _needed(figure, needed, state.target)
    _cut(figure, sizes, state)
    theme.ticks(figure, "x", [*sizes, forecast.size, *_finite(needed)], "~s")
    theme.ticks(figure, "y", [*laws.sizes["error"], forecast.error.value])
    return theme.zoomed(figure, state)


def norm_against_size(
    laws: Laws,
    outside: pd.DataFrame,
    forecast: Forecast,
    sizes: list[int],
    colours: dict[int, str],
    state: State,
) -> Figure:
    """Draw the norm at the optimum against P with the late law and the stopping norm."""
    figure = theme.blank(
        "optimum",
        state,
        "training-set size P",
        "stopping norm λ",
    )
    logs = [*laws.optima["log_norm"], forecast.log_norm.value]
    as_norm = theme.norm_axis(figure, "y", state.norm, logs)

    def place(values: Any) -> Any:
        return theme.place(values, as_norm)

    _outside(figure, outside, "log_norm", place, power)
    _points(figure, laws, "log_norm", place, power, colours)
    fitted = laws.sizes[laws.sizes["used"].astype(bool)]
    if len(fitted) > 1:
        ends = _ends(fitted, forecast)
        _line(figure, ends, place(laws.late_law.log(ends)), FIT, "solid", "late law")
    low, high = (None if end is None else float(place(end)) for end in forecast.log_norm[1:])
    placed = Estimate(float(place(forecast.log_norm.value)), low, high)
    _diamond(figure, forecast.size, placed, power(forecast.log_norm.value), "stop at λ")
    _cut(figure, sizes, state)
    theme.ticks(figure, "x", [*sizes, forecast.size], "~s")
    return theme.zoomed(figure, state)


def edges(sizes: list[int], cut: tuple[int, int]) -> tuple[float, float]:
    """Where the cut stands on the axis: halfway to the next size outside, in ln P."""
    below = [size for size in sizes if size < cut[0]]
    above = [size for size in sizes if size > cut[1]]
    low = np.sqrt(cut[0] * below[-1]) if below else cut[0] / 1.35
    high = np.sqrt(cut[1] * above[0]) if above else cut[1] * 1.35
    return float(low), float(high)


def _lowest(laws: Laws) -> str:
    return f"lowest {metric_label(laws.metric)}"


def _ends(fitted: pd.DataFrame, forecast: Forecast) -> Floats:
    logs = np.log([*fitted["size"], forecast.size])
    return np.linspace(logs.min() - 0.15, logs.max() + 0.15, 40)


def _line(figure: Figure, log_sizes: Floats, y: Floats, colour: str, dash: str, name: str) -> None:
    figure.add_scatter(
        x=np.exp(log_sizes),
        y=y,
        mode="lines",
        hoverinfo="skip",
        name=name,
        line={"color": colour, "width": 1.8, "dash": dash},
        meta={"role": "law"},
    )


def _outside(figure: Figure, outside: pd.DataFrame, column: str, place: Any, write: Any) -> None:
    figure.add_scatter(
        x=outside["size"],
        y=place(outside[column].to_numpy(dtype=float)),
        mode="markers",
        marker={"size": 9, "color": "#fff", "line": {"color": NEUTRAL, "width": 1.4}},
        customdata=[
            [count(size), write(at)]
            for size, at in zip(outside["size"], outside[column], strict=True)
        ],
        hovertemplate="P = %{customdata[0]}, outside the cut: %{customdata[1]}<extra></extra>",
        meta={"role": "outside"},
    )


def _points(
    figure: Figure, laws: Laws, column: str, place: Any, write: Any, colours: dict[int, str]
) -> None:
    """Seeds as dots slightly to the left, sizes as discs with intervals, hollow where not used."""
    optima = laws.optima[laws.optima["used"].astype(bool)]
    if laws.sizes["n_seeds"].max() > 1:
        figure.add_scatter(
            x=optima["size"] * 0.94,
            y=place(optima[column].to_numpy(dtype=float)),
            mode="markers",
            marker={"size": 5, "color": [colours[s] for s in optima["size"]], "opacity": 0.6},
            customdata=[
                [count(s), write(v)] for s, v in zip(optima["size"], optima[column], strict=True)
            ],
            hovertemplate="one seed of P = %{customdata[0]}: %{customdata[1]}<extra></extra>",
            meta={"role": "seeds"},
        )
    table = laws.sizes
    y, low, high = (
        place(table[name].to_numpy(dtype=float))
        for name in (column, f"{column}_low", f"{column}_high")
    )
    figure.add_scatter(
        x=table["size"],
        y=y,
        mode="markers",
        error_y={
            "type": "data",
            "symmetric": False,
            "array": np.nan_to_num(high - y),
            "arrayminus": np.nan_to_num(y - low),
            "color": INK,
            "thickness": 1.2,
            "width": 0,
        },
        marker={
            "size": 11,
            "color": [
                colours[size] if used else "#fff"
                for size, used in zip(table["size"], table["used"], strict=True)
            ],
            "line": {"color": INK, "width": 1.4},
        },
        customdata=[
            [count(s), write(v)] for s, v in zip(table["size"], table[column], strict=True)
        ],
        hovertemplate="P = %{customdata[0]}: %{customdata[1]}<extra></extra>",
        meta={"role": "sizes"},
    )


def _diamond(figure: Figure, size: float, at: Estimate, value: str, what: str) -> None:
    figure.add_scatter(
        x=[size],
        y=[at.value],
        mode="markers",
        error_y=_bars(at, PREDICTION, 1.6),
        marker={
            "symbol": "diamond",
            "size": 12,
            "color": "#fff",
            "line": {"color": PREDICTION, "width": 2.4},
        },
        hovertemplate=f"{what} for P = {count(size)}: {value}<extra></extra>",
        meta={"role": "forecast"},
    )


def _needed(figure: Figure, needed: Estimate, target: float) -> None:
    figure.add_scatter(
        x=[needed.value],
        y=[target],
        mode="markers",
        error_x=_bars(needed, INK, 1.4),
        marker={
            "symbol": "square",
            "size": 10,
            "color": "#fff",
            "line": {"color": INK, "width": 2},
        },
        hovertemplate=f"{significant(target)} needs P = {count(needed.value)}<extra></extra>",
        meta={"role": "needed"},
    )


def _bars(at: Estimate, colour: str, thickness: float) -> dict[str, Any] | None:
    """The interval of an estimate; none where it has none, or where it is open."""
    if at.low is None or at.high is None or not np.isfinite(at.high):
        return None
    return {
        "type": "data",
        "symmetric": False,
        "array": [at.high - at.value],
        "arrayminus": [at.value - at.low],
        "color": colour,
        "thickness": thickness,
        "width": 5,
    }


def _finite(needed: Estimate | None) -> list[float]:
    return [end for end in needed or () if end is not None and np.isfinite(end)]


def _cut(figure: Figure, sizes: list[int], state: State) -> None:
    low, high = edges(sizes, state.cut or (sizes[0], sizes[-1]))
    upright: dict[str, Any] = {"y0": 0, "y1": 1, "yref": "paper"}
    if state.cut is not None:
        far = (sizes[0] / 1.35, sizes[-1] * 1.35)
        for x0, x1 in ((far[0], low), (high, far[1])):
            shade = {"fillcolor": OUTSIDE, "line": {"width": 0}, "layer": "below"}
            figure.add_shape(type="rect", x0=x0, x1=x1, **shade, **upright)
    for edge in (low, high):
        figure.add_shape(
            type="line", x0=edge, x1=edge, line={"color": PREDICTION, "width": 2}, **upright
        )
