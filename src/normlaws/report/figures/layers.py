"""Norms layer by layer."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from normlaws.errors import InputError, allowed
from normlaws.report.scales import label
from normlaws.report.style import BAR, FIGURE_SIZE, INK, MUTED, SMALL, new_axes, new_figure

_ROW = 0.21  # inches
_HEIGHTS = (1.3, 8.5)
_AROUND = 0.8
_LETTER = 0.075
_PLOT_WIDTH = 3.3
_WIDTHS = (FIGURE_SIZE[0], 6.5)
_NAME = 38  # letters


def layer_norms(
    layers: pd.DataFrame, *, norm: str = "spectral_norm", ax: Axes | None = None
) -> Axes:
    """Draw one bar for every layer, first on top; its length is the logarithm of the norm.

    A bar to the left of zero shrinks what passes through it, one to the right magnifies it. Where
    there are more layers than lines of text, some names are left out.

    Args:
        layers: rows with ``name`` and ``log_<norm>`` in the order of the network.
        norm: which column to draw, without its ``log_``.
        ax: axes to draw on.

    Raises:
        InputError: there is no such column.
    """
    column = f"log_{norm}"
    if column not in layers:
        known = [name.removeprefix("log_") for name in layers if str(name).startswith("log_")]
        raise InputError(f"expected a norm of layers ({allowed(known or ['none'])}), got {norm!r}")
    places = np.arange(len(layers))
    values = layers[column].to_numpy(dtype=float)
    finite = np.isfinite(values)
    names = [_short(str(name)) for name in layers["name"]]
    ax = new_axes(ax or _own_axes(names))
    ax.barh(places[finite], values[finite], height=0.72, color=BAR)
    ax.axvline(0, color=MUTED, lw=0.8)
    for place in places[~finite]:
        said = "zero" if values[place] == -np.inf else "not finite"
        ax.text(0, place, f" {said}", va="center", fontsize=SMALL, color=MUTED)
    _name_rows(ax, names)
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.set_xlabel(f"ln {label(norm)}")
    ax.grid(visible=False, axis="y")
    return ax


def _own_axes(names: list[str]) -> Axes:
    """Axes of a new figure with room for the bars and their names."""
    width = _PLOT_WIDTH + _LETTER * max(map(len, names), default=0)
    height = _AROUND + _ROW * len(names)
    size = (float(np.clip(width, *_WIDTHS)), float(np.clip(height, *_HEIGHTS)))
    return new_figure(size).add_subplot()


def _name_rows(ax: Axes, names: list[str]) -> None:
    """Names beside the bars, as many as have room."""
    figure = ax.get_figure()
    assert figure is not None
    height = ax.get_position().height * figure.bbox.height / figure.dpi
    room = max(1, int(height / (0.85 * _ROW)))
    every = -(-len(names) // room)
    shown = range(0, len(names), every)
    ax.set_yticks(list(shown), [names[place] for place in shown])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0, labelsize=SMALL, labelcolor=INK)


def _short(name: str) -> str:
    """The end of a long name, which tells layers apart."""
    short = name if len(name) <= _NAME else f"…{name[-_NAME:].lstrip('.')}"
    return short.replace("$", r"\$")  # letters, not mathematics
