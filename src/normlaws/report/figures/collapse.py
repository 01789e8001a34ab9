"""Rescaled curves: where the laws hold, every size lies on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from normlaws.arrays import Floats
from normlaws.curves import as_size
from normlaws.curves.averages import from_laws
from normlaws.laws.seed_band import SeedBand, seed_band
from normlaws.report.figures._draw import bands, divided
from normlaws.report.scales import Mapping, log_axis, norm_axis, words
from normlaws.report.style import BAND, INK, explain, legend_above, new_axes, size_colours, size_key

if TYPE_CHECKING:
    from normlaws.laws import Laws


def collapse_by_optimum(laws: Laws, ax: Axes | None = None) -> Axes:
    """Draw ε/ε_opt against λ/λ_opt, and the band in which seeds alone would leave the curves.

    Each size is rescaled by its own optimum as the alignment places it, on which the finding on
    collapse rests: it takes the whole turn into account, not the lowest point alone.
    """
    band = seed_band(laws.samples)
    sizes = laws.samples.panel.sizes
    ax = new_axes(ax)
    below = divided(ax) if len(band.axis) else None
    _, place = _draw(
        laws, ax, pd.Series(band.log_norm, index=sizes), pd.Series(band.log_error, index=sizes)
    )
    ax.plot(place(np.zeros(1)), [1.0], "+", color=INK, ms=11, mew=1.4, zorder=6)
    ax.set_xlabel(_of_log(ax, r"norm over stopping norm, $\lambda\,/\,\lambda_\mathrm{opt}$"))
    ax.set_ylabel(
        f"{words(laws.metric)} over\n" + r"its lowest, $\varepsilon\,/\,\varepsilon_\mathrm{opt}$"
    )
    if below is not None:
        if band.known:
            ax.fill_between([], [], [], color=BAND, lw=0, label="95 % of curves, by seeds alone")
            legend_above(ax)
        _departures(below, band, sizes, place)
        below.set_xlabel(ax.get_xlabel())
        ax.set_xlabel("")
        ax.tick_params(labelbottom=False)
        _same_left(ax, below)
    return ax


def _same_left(*axes: Axes) -> None:
    """Labels of the y axes on one line."""
    figure = axes[0].get_figure()
    if figure is not None:
        figure.align_ylabels(axes)


def _departures(below: Axes, band: SeedBand, sizes: Floats, place: Mapping) -> None:
    """What sets the curves apart from their mean, and how much of it seeds explain."""
    colours = size_colours(sizes)
    x = place(band.axis)
    if band.known:
        style: dict[str, Any] = {"color": BAND, "lw": 0, "zorder": 0.5}
        below.fill_between(x, -band.half, band.half, **style)
    for size, curve in zip(sizes, band.curves, strict=True):
        below.plot(x, curve - band.common, lw=1.2, color=colours[as_size(size)])
    below.set_ylabel("ln(curve\n/ mean)")


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
