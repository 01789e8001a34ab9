"""What the best point of training costs and needs: error and norm at the optimum against P."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from normlaws.curves import as_size
from normlaws.laws.predicted_line import predicted_line
from normlaws.report.figures._draw import along, discs, line
from normlaws.report.scales import (
    Mapping,
    log_axis,
    metric_label,
    norm_axis,
    note_left_out,
    positive,
    size_axis,
    wrapped,
)
from normlaws.report.style import (
    FIT,
    INK,
    NEUTRAL,
    PREDICTION,
    explain,
    legend_above,
    new_axes,
    size_colours,
)

if TYPE_CHECKING:
    from normlaws.laws import Laws

_TO_THE_LEFT = 0.93


def error_against_size(laws: Laws, ax: Axes | None = None) -> Axes:
    """Draw the error at the optimum against P, with the direct fit and the predicted slope.

    The prediction is the slope γ0 + γ1·γ2 alone; it is drawn through the centroid of the fitted
    points, since the early and late law fix no height. Where the joint fit has a plateau at chance,
    it leaves that plateau as the early law does.
    """
    ax = new_axes(ax)
    size_axis(ax, laws.sizes["size"])
    ax.set_ylabel(f"lowest {metric_label(laws.metric)}")
    log_axis(ax, "y", pd.concat([laws.optima["error"], laws.sizes["error"]]))
    used = _points(ax, laws, "error", positive)
    if len(used) > 1:
        direct = f"direct fit, γ = {laws.gamma.value:.2f}"
        line(ax, used, laws.direct_law, np.exp, "-", color=FIT, label=direct)
        _predicted(ax, laws, used)
    note_left_out(ax, laws.sizes["error"])
    legend_above(ax)
    return ax


def norm_against_size(laws: Laws, ax: Axes | None = None) -> Axes:
    """Draw the stopping norm (geometric mean over seeds) against P, with the late law."""
    ax = new_axes(ax)
    size_axis(ax, laws.sizes["size"])
    place = norm_axis(
        ax, "y", laws.norm, pd.concat([laws.optima["log_norm"], laws.sizes["log_norm"]])
    )
    ax.set_ylabel(wrapped(f"stopping norm: {ax.get_ylabel()}"))
    used = _points(ax, laws, "log_norm", place)
    if len(used) > 1:
        label = f"late law, γ₂ = {laws.gamma2.value:.2f}"
        line(ax, used, laws.late_law, place, "-", color=FIT, label=label)
    legend_above(ax)
    return ax


def _predicted(ax: Axes, laws: Laws, used: pd.DataFrame) -> None:
    log_sizes = along(used)
    errors = predicted_line(laws, log_sizes)
    if np.isfinite(errors).all():
        label = f"predicted slope, γ₀+γ₁γ₂ = {laws.product.value:.2f}"
        ax.plot(np.exp(log_sizes), errors, "--", lw=1.5, color=PREDICTION, label=label)


def _points(ax: Axes, laws: Laws, column: str, place: Mapping) -> pd.DataFrame:
    """Seeds as small dots, sizes as large ones with their intervals; return the fitted sizes."""
    table = laws.sizes[np.isfinite(place(laws.sizes[column].to_numpy(dtype=float)))]
    if table.empty:
        explain(ax, "no size has an optimum that can be drawn")
        return table
    colours = size_colours(laws.sizes["size"])
    if int(laws.sizes["n_seeds"].max()) > 1:
        _seeds(ax, laws.optima, place(laws.optima[column].to_numpy(dtype=float)), colours)
    _intervals(ax, table, column, place)
    for used, label in ((True, "used in the fit"), (False, "left out of the fit")):
        rows = table[table["used"].astype(bool) == used]
        fill = [colours[as_size(size)] if used else "white" for size in rows["size"]]
        discs(ax, rows["size"].to_numpy(), place(rows[column].to_numpy(dtype=float)), fill, label)
    return table[table["used"].astype(bool)]


def _seeds(ax: Axes, optima: pd.DataFrame, heights: np.ndarray, colours: dict[int, Any]) -> None:
    """Single seeds, a little to the left so that the mean does not hide them."""
    shade = [colours.get(as_size(size), INK) for size in optima["size"]]
    ax.scatter(optima["size"] * _TO_THE_LEFT, heights, s=10, c=shade, alpha=0.65, lw=0)
    ax.scatter([], [], s=10, c=NEUTRAL, lw=0, label="one seed")


def _intervals(ax: Axes, table: pd.DataFrame, column: str, place: Mapping) -> None:
    low, high = (place(table[f"{column}_{end}"].to_numpy(dtype=float)) for end in ("low", "high"))
    known = np.isfinite(low) & np.isfinite(high)
    ax.vlines(table["size"][known], low[known], high[known], color=INK, lw=1.1, zorder=4)
