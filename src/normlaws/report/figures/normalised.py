"""Normalised curves of a ladder, and their deviation beside the noise between seeds."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from normlaws.curves import as_size
from normlaws.errors import InputError, allowed
from normlaws.report.scales import label
from normlaws.report.style import (
    FIT,
    MUTED,
    PREDICTION,
    new_axes,
    new_figure,
    size_colours,
    size_key,
)
from normlaws.storage.folder import replace_file

if TYPE_CHECKING:
    from normlaws.laws import Collapse

FORMATS = (".png", ".svg", ".pdf")
TWO_PANELS = (9.6, 3.7)


def normalised_curves(found: Collapse, ax: Axes | None = None) -> Axes:
    """Draw ℓ(x) of every run, coloured by size, with the mean curve on top."""
    ax = new_axes(ax)
    ladder = found.ladder
    colours = size_colours(ladder.sizes)
    curves = ladder.normalised(found.floor.value)
    for track, curve in zip(ladder.finished, curves, strict=True):
        ax.plot(found.x, curve, color=colours[as_size(track.size)], lw=0.9, alpha=0.8)
    ax.plot(found.x, found.curve, color=FIT, lw=1.2, ls=(0, (4, 2)), label="mean")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(f"{label(found.axis)} over its end, $x$")
    ax.set_ylabel(rf"normalised {label(found.metric)}, $\ell(x)$")
    size_key(ax, colours, "P" if found.scale == "size" else label(found.scale))
    ax.legend(frameon=False)
    return ax


def deviation_and_noise(found: Collapse, ax: Axes | None = None) -> Axes:
    """Draw Δ(x) with its interval, and σ̄(x) where seeds tell it."""
    ax = new_axes(ax)
    table = found.table()
    inside = table["x"] < 1
    x = table.loc[inside, "x"]
    ax.fill_between(x, table.loc[inside, "low"], table.loc[inside, "high"], color=MUTED, alpha=0.2)
    ax.plot(x, table.loc[inside, "deviation"], color=FIT, label=r"deviation $\Delta$")
    if np.isfinite(table["noise"]).any():
        ax.plot(x, table.loc[inside, "noise"], color=PREDICTION, label=r"noise $\bar\sigma$")
    ax.set_yscale("log")
    ax.set_xlabel(f"{label(found.axis)} over its end, $x$")
    ax.set_ylabel("share of the reducible part")
    ax.legend(frameon=False)
    return ax


def residuals_by_size(found: Collapse, ax: Axes | None = None) -> Axes:
    """Draw every run's mean residual against its size, with the trend."""
    ax = new_axes(ax)
    order = found.order
    runs = order.table
    colours = size_colours(found.ladder.sizes)
    for size, part in runs.groupby("size", sort=True):
        ax.plot(part["size"], part["residual"], "o", ms=4.5, color=colours[as_size(size)])
    logs = np.log(runs["size"].to_numpy(dtype=float))
    ends = np.array([logs.min(), logs.max()])
    line = runs["residual"].mean() + order.trend.value * (ends - logs.mean())
    ax.plot(np.exp(ends), line, color=FIT, lw=1.2, ls=(0, (4, 2)), label="trend")
    ax.axhline(0, color=MUTED, lw=0.8)
    ax.set_xscale("log")
    ax.set_xlabel("P" if found.scale == "size" else label(found.scale))
    unit = r"$\bar\sigma$" if order.unit == "sigma" else "% of the reducible part"
    ax.set_ylabel(f"residual ({unit})")
    ax.legend(frameon=False)
    return ax


def save_normalised(found: Collapse, path: str | Path) -> None:
    """Draw both into one file.

    Raises:
        InputError: the file ends in something other than .png, .svg or .pdf.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise InputError(f"expected a figure file ending {allowed(FORMATS)}, got {path.name}")
    figure = new_figure(TWO_PANELS)
    left, right = figure.subplots(1, 2)
    normalised_curves(found, left)
    deviation_and_noise(found, right)
    replace_file(path, partial(figure.savefig, format=path.suffix[1:], dpi=160))
