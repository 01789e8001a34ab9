"""The one smooth curve fitted to all runs, drawn over the data, with what it leaves unexplained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from normlaws.curves import as_size
from normlaws.curves.averages import from_laws
from normlaws.errors import InputError
from normlaws.report.figures._draw import divided
from normlaws.report.scales import Mapping, log_axis, metric_label, norm_axis, positive
from normlaws.report.style import NEUTRAL, legend_above, new_axes, size_colours, size_key

if TYPE_CHECKING:
    from normlaws.laws import Laws

_DOTS = 40


def crossover_fit(laws: Laws, ax: Axes | None = None) -> Axes:
    """Draw the fitted crossover over the mean curves, and ln(error / fit) below.

    Points that the fit left out are pale, without a residual.

    The given axes are divided in two; the returned ones are the upper, the residuals are on
    ``ax.figure.axes`` under the label ``"residuals"``.

    Raises:
        InputError: these laws have no fitted crossover.
    """
    if laws.crossover is None:
        raise InputError("expected laws with a fitted crossover, got none")
    ax = new_axes(ax)
    below = divided(ax)
    means = from_laws(laws.mean_curves)
    means = means[(means["y"] > 0) & np.isfinite(means["x"])]
    place = norm_axis(ax, "x", laws.norm, means["x"])
    log_axis(ax, "y", means["y"])
    colours = size_colours(laws.sizes["size"])
    for size, rows in means.groupby("size", sort=True):
        _draw_size(ax, below, laws, rows, place, colours[as_size(size)])
    ax.plot([], [], ".", color=NEUTRAL, label="mean curve")
    ax.plot([], [], "-", color=NEUTRAL, label="fitted crossover")
    ax.set_ylabel(metric_label(laws.metric))
    below.set_xlabel(ax.get_xlabel())
    ax.set_xlabel("")
    ax.tick_params(labelbottom=False)
    below.set_ylabel("ln(error / fit)")
    size_key(ax, colours)
    legend_above(ax)
    return ax


def _draw_size(
    ax: Axes, below: Axes, laws: Laws, rows: pd.DataFrame, place: Mapping, colour: Any
) -> None:
    """Dots, pale outside the fitted region; the fit and its residuals inside it."""
    assert laws.crossover is not None
    logs, size = rows["x"].to_numpy(), as_size(rows["size"].iloc[0])
    low, high = laws.crossover.lower, laws.crossover.upper.get(size, -np.inf)
    inside = (logs >= low) & (logs <= high)
    thin = np.arange(len(logs)) % max(1, len(logs) // _DOTS) == 0
    for shown, alpha in ((inside, 1.0), (~inside, 0.3)):
        dots = rows[shown & thin]
        ax.plot(place(dots["x"].to_numpy()), dots["y"], ".", ms=4, color=colour, alpha=alpha)
    if inside.any():
        grid = np.linspace(logs[inside].min(), logs[inside].max(), 150)
        ax.plot(place(grid), _predict(laws, grid, size), "-", lw=1.3, color=colour)
        residual = np.log(rows["y"].to_numpy() / _predict(laws, logs, size))
        dots = inside & thin
        below.plot(place(logs[dots]), residual[dots], ".", ms=3, color=colour)


def _predict(laws: Laws, log_norm: np.ndarray, size: int) -> np.ndarray:
    assert laws.crossover is not None
    return positive(np.asarray(laws.crossover.predict(log_norm, size), dtype=float))
