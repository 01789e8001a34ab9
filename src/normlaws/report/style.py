"""One look for every figure: palette, axes, legends.

Only ``Figure`` and ``Axes`` objects are used, so figures can be drawn in threads; pyplot only where
a notebook is to show a figure.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from normlaws.curves import as_size

INK = "#1c1b22"
MUTED = "#5c5a66"
NEUTRAL = "#9a97a6"
GRID = "#e4e2ea"
WINDOW = "#d9e4ec"
BAND = "#d3d0da"
FIT = "#1c1b22"
PREDICTION = "#00736b"
BAR = "#782281"  # from the middle of the scale of sizes

# Near square, and narrow enough that its letters stay readable on a phone.
FIGURE_SIZE = (4.9, 3.7)
LETTERS = 10.0
SMALL = 9.0

_SCALE = mpl.colormaps["magma"]
_LIGHTEST, _DARKEST = 0.73, 0.06
_LABELS_AT_MOST = 14

_shown: ContextVar[bool] = ContextVar("shown", default=False)


def new_axes(ax: Axes | None) -> Axes:
    """The given axes, or those of a new figure; in the house style."""
    if ax is None:
        ax = new_figure(FIGURE_SIZE).add_subplot()
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(MUTED)
    ax.tick_params(which="both", labelsize=SMALL, color=MUTED, labelcolor=INK)
    ax.xaxis.label.set(size=LETTERS, color=INK)
    ax.yaxis.label.set(size=LETTERS, color=INK)
    ax.grid(True, color=GRID, linewidth=0.7)
    ax.set_axisbelow(True)
    return ax


def new_figure(size: tuple[float, float]) -> Figure:
    """An empty figure; within :func:`shown_in_notebooks`, one that a notebook shows."""
    if not _shown.get():
        return Figure(figsize=size, layout="constrained")
    from matplotlib import pyplot

    return pyplot.figure(figsize=size, layout="constrained")


@contextmanager
def shown_in_notebooks() -> Iterator[None]:
    """Within, new figures are pyplot's where a notebook's kernel runs, which shows those alone."""
    token = _shown.set("ipykernel" in sys.modules)
    try:
        yield
    finally:
        _shown.reset(token)


def size_colours(sizes: Iterable[float]) -> dict[int, Any]:
    """A colour for each training-set size: more examples are darker, in equal steps."""
    ordered = sorted({as_size(size) for size in sizes})
    places = np.linspace(_LIGHTEST, _DARKEST, len(ordered)) if len(ordered) > 1 else [0.35]
    return {
        size: mpl.colors.to_hex(_SCALE(place)) for size, place in zip(ordered, places, strict=True)
    }


def size_key(ax: Axes, colours: dict[int, Any], title: str = "P") -> None:
    """Name the sizes beside the axes: one block of colour each, largest on top."""
    key = ax.inset_axes((1.025, 0.0, 0.035, 1.0), label="sizes")
    sizes = list(colours)
    for place, size in enumerate(sizes):
        key.bar(0.5, 1.0, 1.0, bottom=place, color=colours[size])
    shown = _spread(len(sizes))
    key.set(xlim=(0, 1), ylim=(0, len(sizes)), xticks=[], yticks=[place + 0.5 for place in shown])
    key.set_yticklabels([f"{sizes[place]:,}" for place in shown], fontsize=SMALL, color=INK)
    key.yaxis.tick_right()
    key.tick_params(length=0, pad=3)
    key.spines[:].set_visible(False)
    key.set_title(title, fontsize=LETTERS, color=INK, loc="left", x=1.4, pad=4, style="italic")


def _spread(count: int) -> list[int]:
    """Places of at most fourteen labels among ``count``, evenly spaced, the last among them."""
    return list(range(count))[:: -math.ceil(count / _LABELS_AT_MOST)][::-1]


def legend_above(ax: Axes, columns: int = 2) -> None:
    """A legend over the axes, where it can cover no data."""
    handles, labels = ax.get_legend_handles_labels()
    if labels:
        ax.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(-0.02, 1.0),
            ncols=columns,
            frameon=False,
            fontsize=SMALL,
            labelcolor=INK,
            handlelength=1.8,
            columnspacing=1.4,
            borderpad=0.2,
        )


def explain(ax: Axes, message: str) -> None:
    """Say in the axes why there is nothing to draw."""
    ax.text(
        0.5, 0.5, message, transform=ax.transAxes, ha="center", va="center",
        wrap=True, fontsize=LETTERS, color=MUTED,
    )  # fmt: skip
