"""Lowest errors against P with their direct laws, forecasts and other forms: no norm needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from normlaws.curves import as_size
from normlaws.report.scales import log_axis, metric_label, size_axis, words
from normlaws.report.style import FIT, INK, MUTED, explain, legend_above, new_axes

if TYPE_CHECKING:
    from normlaws.laws.direct import DirectLaw

AHEAD = 10.0  # how far beyond the largest size the forecast is drawn
POINTS = 60
MARKS = "osD^vP*X"


def direct_laws(laws: Mapping[str, DirectLaw], ax: Axes | None = None) -> Axes:
    """Draw the lowest errors of one law, or of several groups, with forecast and its interval.

    A single law also shows the other forms that fit as well. Right of the dotted line no data
    stand: everything there is a forecast.

    Args:
        laws: {name of the group: its law}; one alone may have an empty name.
        ax: axes to draw on; a new figure's by default.
    """
    ax = new_axes(ax)
    if not laws:
        explain(ax, "no law to draw")
        return ax
    first = next(iter(laws.values()))
    known = sorted({float(size) for law in laws.values() for size in law.sizes["size"]})
    size_axis(ax, [as_size(size) for size in (*known, AHEAD * known[-1])])
    if first.scale != "size":
        ax.set_xlabel(words(first.scale))
    ax.set_ylabel(f"lowest {metric_label(first.metric)}")
    heights = [_group(ax, name, law, k, len(laws)) for k, (name, law) in enumerate(laws.items())]
    log_axis(ax, "y", np.concatenate(heights))
    ax.axvline(known[-1], color=INK, lw=1.3, ls=":")
    legend_above(ax)
    return ax


def _group(ax: Axes, name: str, law: DirectLaw, place: int, groups: int) -> np.ndarray:
    """One law with its data; returns the heights that were drawn."""
    colour = FIT if groups == 1 else mpl.colormaps["tab10"](place % 10)
    largest = float(law.sizes["size"].max())
    at = np.geomspace(float(law.sizes["size"].min()), AHEAD * largest, POINTS)
    found = law.forecast(at)
    middle = np.array([one.error.value for one in found])
    label = f"{name}, γ = {law.gamma.value:.2f}".lstrip(", ")
    ax.plot(at, middle, color=colour, lw=1.4, label=label)
    if found[-1].error.low is not None:
        low, high = (np.array([one.error[k] for one in found], dtype=float) for k in (1, 2))
        ax.fill_between(at, low, high, color=colour, alpha=0.13, lw=0)
    if groups == 1:
        _other_forms(ax, law, at)
    sizes = law.sizes
    bars = sizes.dropna(subset=["error_low"])
    ax.vlines(bars["size"], bars["error_low"], bars["error_high"], color=colour, lw=1.1)
    mark = MARKS[place % len(MARKS)]
    going = sizes["n_unfinished"] > 0
    done, still = sizes[~going], sizes[going]
    ax.plot(done["size"], done["error"], mark, color=colour, ms=5, mec="white", mew=0.6)
    still = pd.concat([still, law.so_far])[["size", "error"]]
    if len(still):
        label = "unfinished: lowest so far"
        ax.plot(
            still["size"], still["error"], mark, color=colour, ms=5.5, mfc="white", mew=1.2,
            label=label,
        )  # fmt: skip
    return np.concatenate([middle, done["error"], still["error"]])


def _other_forms(ax: Axes, law: DirectLaw, at: np.ndarray) -> None:
    table = law.forms(at)
    dashes = ["--", "-.", ":", (0, (1, 1))]
    others = table[table["admitted"] & (table["name"] != law.sampled.size_law.form)]
    for row, dash in zip(others.itertuples(index=False), dashes, strict=False):
        ax.plot(at, row.errors, color=MUTED, lw=0.9, ls=dash, label=words(row.name))
