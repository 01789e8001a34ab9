"""Rescaled curves: where the laws hold, every size lies on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from normlaws.curves.averages import from_laws
from normlaws.report.figures._draw import bands
from normlaws.report.scales import Mapping, log_axis, norm_axis, words
from normlaws.report.style import INK, explain, new_axes, size_colours, size_key

if TYPE_CHECKING:
    from normlaws.laws import Laws


def collapse_by_optimum(laws: Laws, ax: Axes | None = None) -> Axes:
    """Draw ε/ε_opt against λ/λ_opt: each size rescaled by its own measured optimum."""
    table = laws.sizes.set_index("size")
    ax, place = _draw(
        laws, ax, table["log_norm"], table["error"].where(table["error"] > 0).map(np.log)
    )
    ax.plot(place(np.zeros(1)), [1.0], "+", color=INK, ms=11, mew=1.4, zorder=6)
    ax.set_xlabel(_of_log(ax, r"norm over its optimum, $\lambda\,/\,\lambda_\mathrm{opt}$"))
    ax.set_ylabel(
        rf"{words(laws.metric)} over its lowest, $\varepsilon\,/\,\varepsilon_\mathrm{{opt}}$"
    )
    return ax


def collapse_by_exponents(laws: Laws, ax: Axes | None = None) -> Axes:
    """Draw ε·P^γ against λ·P^(−γ2): every size rescaled by the two fitted exponents alone."""
    sizes = laws.sizes["size"]
    logs = pd.Series(np.log(sizes.to_numpy(dtype=float)), index=sizes)
    ax, _ = _draw(laws, ax, laws.gamma2.value * logs, -laws.gamma.value * logs)
    label = rf"rescaled norm, $\lambda\,P^{{-\gamma_2}}$, $\gamma_2$ = {laws.gamma2.value:.2f}"
    ax.set_xlabel(_of_log(ax, label))
    ax.set_ylabel(
        rf"rescaled error, $\varepsilon\,P^{{\gamma}}$, $\gamma$ = {laws.gamma.value:.2f}"
    )
    return ax


def _of_log(ax: Axes, label: str) -> str:
    """The label of an axis that holds ln λ where λ itself would overflow."""
    return label if ax.get_xscale() == "log" else f"ln of the {label}"


def _draw(laws: Laws, ax: Axes | None, log_x: pd.Series, log_y: pd.Series) -> tuple[Axes, Mapping]:
    """Mean curves moved in log–log by a shift per size (index: size)."""
    ax = new_axes(ax)
    means = from_laws(laws.mean_curves)
    shift_x, shift_y = means["size"].map(log_x), np.exp(means["size"].map(log_y))
    means = means.assign(
        x=means["x"] - shift_x,
        **{name: means[name] / shift_y for name in ("y", "y_low", "y_high")},
    ).dropna(subset=["x", "y"])
    place = norm_axis(ax, "x", laws.norm, means["x"])
    log_axis(ax, "y", means["y"])
    colours = size_colours(laws.sizes["size"])
    bands(ax, means.assign(x=place(means["x"].to_numpy())), colours)
    size_key(ax, colours)
    if means.empty:
        explain(ax, "no size can be rescaled")
    return ax, place
