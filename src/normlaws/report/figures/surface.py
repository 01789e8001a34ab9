"""A fitted surface: contours over parameters and tokens, or predicted against observed losses."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from normlaws.errors import InputError, allowed
from normlaws.report.figures.normalised import FORMATS
from normlaws.report.style import FIT, MUTED, PREDICTION, new_axes, new_figure
from normlaws.storage.folder import replace_file

if TYPE_CHECKING:
    from normlaws.laws import Surface

ROOM = 2.0  # factor beyond the data on every side
POINTS = 80
LEVELS = 14
SIZE = (5.6, 4.2)


def surface_figure(found: Surface, ax: Axes | None = None) -> Axes:
    """Contours with the runs and the line of compute optima, where a family has N and D."""
    if found.problem.family.variables == ("params", "tokens"):
        return contours(found, ax)
    return predicted_against_observed(found, ax)


def contours(found: Surface, ax: Axes | None = None) -> Axes:
    """Contours of the loss over parameters and tokens."""
    ax = new_axes(ax)
    params, tokens = (_range(found.rows.variables[name]) for name in ("params", "tokens"))
    across, up = np.meshgrid(params, tokens)
    loss = found.predict(params=across.ravel(), tokens=up.ravel()).reshape(across.shape)
    levels = np.geomspace(loss.min(), loss.max(), LEVELS)
    lines = ax.contour(across, up, loss, levels=levels, cmap="magma_r", linewidths=0.9)
    ax.clabel(lines, fontsize=7, fmt="%.3g")
    rows = found.rows.variables
    ax.plot(rows["params"], rows["tokens"], ".", color=MUTED, ms=3, label="runs")
    budgets = np.geomspace(6 * params[0] * tokens[0], 6 * params[-1] * tokens[-1], 30)
    best = np.array([[o.params.value, o.tokens.value] for o in map(found.optimum, budgets)])
    inside = (best >= [params[0], tokens[0]]).all(axis=1)
    inside &= (best <= [params[-1], tokens[-1]]).all(axis=1)
    ax.plot(*best[inside].T, color=PREDICTION, lw=1.6, label="compute optimum")
    ax.set(xscale="log", yscale="log", xlabel="parameters", ylabel="tokens")
    ax.legend(frameon=False, fontsize=8)
    return ax


def predicted_against_observed(found: Surface, ax: Axes | None = None) -> Axes:
    """Losses of the law against those of the runs."""
    ax = new_axes(ax)
    table = found.residuals()
    ax.plot(table["loss"], table["predicted"], ".", color=FIT, ms=4)
    ends = [table["loss"].min(), table["loss"].max()]
    ax.plot(ends, ends, color=MUTED, lw=0.9)
    ax.set(xscale="log", yscale="log", xlabel="loss", ylabel=f"loss by the {found.family} law")
    return ax


def save_surface(found: Surface, path: str | Path) -> None:
    """Draw it into a file.

    Raises:
        InputError: the file ends in something other than .png, .svg or .pdf.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise InputError(f"expected a figure file ending {allowed(FORMATS)}, got {path.name}")
    figure = new_figure(SIZE)
    surface_figure(found, figure.add_subplot())
    replace_file(path, partial(figure.savefig, format=path.suffix[1:], dpi=160))


def _range(values: np.ndarray) -> np.ndarray:
    return np.geomspace(values.min() / ROOM, values.max() * ROOM, POINTS)
