"""How training went: the norm and the losses against the optimiser's steps."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from normlaws.curves import Curves
from normlaws.curves.averages import checked_columns, mean_trajectories
from normlaws.errors import InputError
from normlaws.report.figures._draw import bands
from normlaws.report.scales import log_axis, metric_label, norm_axis, note_left_out, step_axis
from normlaws.report.style import (
    INK,
    legend_above,
    new_axes,
    size_colours,
    size_key,
)


def norm_against_step(curves: Curves, *, norm: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the norm against the step for every size: geometric mean and its standard error.

    Raises:
        InputError: the curves hold no such norm, or no steps.
    """
    norm = norm or curves.default_norm()
    x, column = "step", f"log_{norm}"
    checked_columns(curves, norm, curves.metrics[0] if curves.metrics else "")
    _check_steps(curves)
    means = mean_trajectories(curves, x, column)
    ax = new_axes(ax)
    place = norm_axis(ax, "y", norm, means["y"])
    for name in ("y", "y_low", "y_high"):
        means[name] = place(means[name].to_numpy(dtype=float))
    colours = size_colours(curves.sizes)
    bands(ax, means, colours)
    step_axis(ax, int(curves.frame["step"].max()))
    size_key(ax, colours)
    return ax


def losses_against_step(curves: Curves, *, kind: str = "loss", ax: Axes | None = None) -> Axes:
    """Draw the training and the test loss (or ``kind="error"``) against the step.

    Lines are geometric means over seeds for losses, arithmetic for errors; test solid, with a band
    of one standard error, training dotted.

    Raises:
        InputError: the curves hold neither, or no steps.
    """
    names = {style: f"{split}_{kind}" for split, style in (("test", "-"), ("train", ":"))}
    names = {style: name for style, name in names.items() if name in curves.metrics}
    if not names:
        raise InputError(f"expected a train_{kind} or test_{kind} in the curves, got neither")
    _check_steps(curves)
    ax = new_axes(ax)
    colours = size_colours(curves.sizes)
    drawn = {
        s: mean_trajectories(curves, "step", y, log_y=kind == "loss") for s, y in names.items()
    }
    values = [value for means in drawn.values() for value in means["y"]]
    log_axis(ax, "y", values)
    for style, means in drawn.items():
        bands(ax, means, colours, style=style, band=style == "-")
        ax.add_line(Line2D([], [], ls=style, color=INK, label=names[style].replace("_", " ")))
    ax.set_ylabel(metric_label(kind))
    step_axis(ax, int(curves.frame["step"].max()))
    note_left_out(ax, values)
    size_key(ax, colours)
    legend_above(ax)
    return ax


def _check_steps(curves: Curves) -> None:
    if not curves.frame["step"].notna().any():
        raise InputError("expected curves with optimiser steps, got none in the column step")
