"""What several figures draw: mean lines with bands, straight lines on log axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from normlaws.arrays import Floats
from normlaws.curves import as_size
from normlaws.laws.result import PowerLaw
from normlaws.report.scales import Mapping, positive
from normlaws.report.style import INK, MUTED, NEUTRAL, new_axes

_FEW_POINTS = 25


def bands(
    ax: Axes, means: pd.DataFrame, colours: dict[int, Any], *, style: str = "-", band: bool = True
) -> None:
    """One line per size through ``x`` and ``y``, with a band from ``y_low`` to ``y_high``.

    Where fewer seeds reach than at most, the line is pale and has no band: there the mean is over
    other seeds than in the middle of the curve.
    """
    for size in sorted(as_size(size) for size in means["size"].unique()):
        rows = means[means["size"] == size]
        x, y = rows["x"].to_numpy(dtype=float), positive(rows["y"].to_numpy())
        full = rows["n_seeds"].to_numpy() == rows["n_seeds"].max()
        style_of: dict[str, Any] = {"color": colours[size], "lw": 1.5, "ls": style}
        if len(rows) < _FEW_POINTS:
            style_of |= {"marker": ".", "ms": 4}
        ax.plot(x, np.where(full, y, np.nan), label=f"_P={size}", **style_of)
        if not full.all():
            ax.plot(x, np.where(_with_neighbours(~full), y, np.nan), alpha=0.3, **style_of)
        if band and rows["y_low"].notna().any():
            low = np.clip(rows["y_low"].to_numpy(dtype=float), _floor(y), None)
            high = rows["y_high"].to_numpy(dtype=float)
            ax.fill_between(x, low, high, where=full, color=colours[size], alpha=0.18, lw=0)


def _with_neighbours(mask: np.ndarray) -> np.ndarray:
    """The mask and one point to each side, so that a pale line meets the full one."""
    wide = mask.copy()
    wide[1:] |= mask[:-1]
    wide[:-1] |= mask[1:]
    return wide


def _floor(y: np.ndarray) -> float:
    """Lower end of a band that would reach zero on a log axis."""
    return float(np.nanmin(y)) / 10 if np.isfinite(y).any() else 1e-300


def discs(ax: Axes, x: np.ndarray, y: np.ndarray, fill: Sequence[Any], label: str) -> None:
    """Large outlined markers; in the legend grey where they are filled, hollow where not."""
    if not len(x):
        return
    style: dict[str, Any] = {"s": 38, "edgecolors": INK, "linewidths": 1.0, "zorder": 5}
    ax.scatter(x, y, c=fill, **style)
    ax.scatter([], [], c="white" if fill[0] == "white" else NEUTRAL, label=label, **style)


def along(used: pd.DataFrame) -> Floats:
    """Ln P from a little below the smallest size of the rows to a little above the largest."""
    logs = np.log(used["size"].to_numpy(dtype=float))
    return np.linspace(logs.min() - 0.15, logs.max() + 0.15, 30)


def line(
    ax: Axes, used: pd.DataFrame, law: PowerLaw, place: Mapping, style: str, **kwargs: Any
) -> None:
    """Draw a power law in P a little beyond the sizes it rests on; nothing where it is not finite.

    Args:
        ax: axes.
        used: rows with a ``size``.
        law: the power law.
        place: from ln y to the coordinate of the y axis.
        style: of the line.
        **kwargs: further properties of the line.
    """
    log_sizes = along(used)
    heights = law.log(log_sizes)
    if np.isfinite(heights).all():
        ax.plot(np.exp(log_sizes), place(heights), style, lw=1.5, **kwargs)


def divided(ax: Axes) -> Axes:
    """Give the lower quarter of ``ax`` to residuals; return the axes there."""
    figure, spec = ax.figure, ax.get_subplotspec()
    if spec is None:
        left, bottom, width, height = ax.get_position().bounds
        ax.set_position((left, bottom + 0.3 * height, width, 0.7 * height))
        below = figure.add_axes((left, bottom, width, 0.25 * height), sharex=ax, label="residuals")
    else:
        grid = spec.subgridspec(2, 1, height_ratios=(3, 1), hspace=0.06)
        ax.set_subplotspec(grid[0])
        below = figure.add_subplot(grid[1], sharex=ax, label="residuals")
    new_axes(below)
    below.axhline(0, color=MUTED, lw=0.9)
    return below
