"""Error against norm: the curves on which both laws are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import Normal, Stroke

from normlaws.curves import Curves, as_size
from normlaws.curves.averages import checked_columns, from_laws, mean_trajectories
from normlaws.laws.early_line import early_line
from normlaws.report.figures._draw import bands, discs
from normlaws.report.scales import Mapping, log_axis, metric_label, norm_axis, note_left_out
from normlaws.report.style import PREDICTION, WINDOW, legend_above, new_axes, size_colours, size_key

if TYPE_CHECKING:
    from normlaws.laws import Laws


def error_against_norm(
    curves: Curves,
    laws: Laws | None = None,
    *,
    norm: str | None = None,
    metric: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw ``metric`` against a norm, log–log, for every size.

    With ``laws``, the norm, the metric and the mean curves are those of the fit, and the early
    window, the early law and the optimum of every size are marked. Without, the mean is taken over
    complete runs at equal step, and the band is one standard error of it.

    Args:
        curves: what was recorded.
        laws: what was fitted to them.
        norm: name of a recorded norm, without ``log_``; by default that of ``fit``.
        metric: a recorded error or loss; by default that of ``fit``.
        ax: axes to draw on.

    Raises:
        InputError: the curves hold no such norm or metric.
    """
    if laws is not None:
        return laws_overview(laws, ax, sizes=curves.sizes)
    norm, metric = norm or curves.default_norm(), metric or curves.default_metric()
    x, y = checked_columns(curves, norm, metric)
    means = mean_trajectories(curves, x, y)
    ax = new_axes(ax)
    _draw_curves(ax, means, norm, metric, curves.sizes)
    legend_above(ax)
    return ax


def laws_overview(laws: Laws, ax: Axes | None = None, *, sizes: list[int] | None = None) -> Axes:
    """Draw the fit's mean curves, its early window and law, and the optimum of every size.

    Args:
        laws: the fit.
        ax: axes to draw on.
        sizes: every size of the study, so that colours agree between figures.
    """
    ax = new_axes(ax)
    means = from_laws(laws.mean_curves)
    place = _draw_curves(ax, means, laws.norm, laws.metric, sizes or list(laws.sizes["size"]))
    _mark_window(ax, laws, place)
    _mark_optima(ax, laws, place, sizes or list(laws.sizes["size"]))
    legend_above(ax)
    return ax


def _draw_curves(
    ax: Axes, means: pd.DataFrame, norm: str, metric: str, sizes: list[int]
) -> Mapping:
    place = norm_axis(ax, "x", norm, means["x"])
    ax.set_ylabel(metric_label(metric))
    log_axis(ax, "y", means["y"])
    colours = size_colours(sizes)
    bands(ax, means.assign(x=place(means["x"].to_numpy())), colours)
    size_key(ax, colours)
    note_left_out(ax, means["y"])
    return place


def _mark_window(ax: Axes, laws: Laws, place: Mapping) -> None:
    if laws.early_window is None:
        return
    ax.axvspan(*place(np.array(laws.early_window)), color=WINDOW, zorder=0, label="early window")
    at, early = early_line(laws)
    if not len(at):
        return
    label = f"early law, γ₁ = {laws.gamma1.value:.2f}"
    outline = [Stroke(linewidth=3.6, foreground="white"), Normal()]
    style: dict[str, Any] = {"dashes": (2.2, 2.2), "lw": 2.0, "path_effects": outline}
    ax.plot(place(at), early, color=PREDICTION, zorder=4, label=label, **style)


def _mark_optima(ax: Axes, laws: Laws, place: Mapping, sizes: list[int]) -> None:
    colours = size_colours(sizes)
    for censored, label in ((False, "optimum"), (True, "still falling at the end")):
        rows = laws.sizes[(laws.sizes["n_censored"] > 0) == censored]
        rows = rows[(rows["error"] > 0) & np.isfinite(rows["log_norm"])]
        fill = ["white" if censored else colours[as_size(size)] for size in rows["size"]]
        heights = rows["error"].to_numpy(dtype=float)
        discs(ax, place(rows["log_norm"].to_numpy(dtype=float)), heights, fill, label)
