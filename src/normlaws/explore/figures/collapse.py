"""Every size rescaled: by its own optimum, or by powers of P that the reader may change."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import as_size
from normlaws.display.numbers import count
from normlaws.explore import theme
from normlaws.explore.figure import Figure
from normlaws.explore.state import State
from normlaws.laws import Laws
from normlaws.laws.estimators.collapse_quality import collapse_quality
from normlaws.laws.seed_band import SeedBand, seed_band
from normlaws.report.scales import words
from normlaws.report.style import BAND, INK, NEUTRAL


class Shift(NamedTuple):
    """What is subtracted from ln λ and ln ε of every size. (K,) each."""

    log_norm: Floats
    log_error: Floats


def fitted_gammas(laws: Laws) -> tuple[float, float, float]:
    """(γ0, γ1, γ2) of the fit."""
    return laws.gamma0.value, laws.gamma1.value, laws.gamma2.value


def shift_of(laws: Laws, state: State) -> Shift:
    """By the optima, or by γ2 and γ = γ0 + γ1·γ2, of the fit or of the sliders."""
    found = laws.samples
    if state.rescale == "optimum":
        band = seed_band(found)
        return Shift(band.log_norm, band.log_error)
    gamma0, gamma1, gamma2 = state.gammas or fitted_gammas(laws)
    return Shift(gamma2 * found.log_sizes, -(gamma0 + gamma1 * gamma2) * found.log_sizes)


def spread(laws: Laws, state: State) -> float:
    """Spread of the rescaled curves over the noise of a mean curve."""
    shift = shift_of(laws, state)
    found = laws.samples
    return collapse_quality(found.panel, found.curves[0], shift.log_norm, shift.log_error)


def rescaled_table(laws: Laws, state: State) -> pd.DataFrame:
    """The shown mean curves: ``size``, ``log_rescaled_norm``, ``rescaled_error``, ``n_seeds``."""
    shift = shift_of(laws, state)
    place = pd.Series(range(len(laws.samples.panel.sizes)), index=laws.samples.panel.sizes)
    rows = laws.mean_curves[~laws.mean_curves["size"].isin(state.hidden)]
    at = rows["size"].map(place).to_numpy(dtype=int)
    return pd.DataFrame(
        {
            "size": rows["size"].to_numpy(),
            "log_rescaled_norm": rows["log_norm"].to_numpy() - shift.log_norm[at],
            "rescaled_error": rows["error"].to_numpy() / np.exp(shift.log_error[at]),
            "n_seeds": rows["n_seeds"].to_numpy(),
        }
    )


def rescaled(laws: Laws, colours: dict[int, str], state: State) -> Figure:
    """Draw the fit's mean curves, rescaled."""
    by_optimum = state.rescale == "optimum"
    x = "λ / λ<sub>opt</sub>" if by_optimum else "λ P<sup>−γ₂</sup>"
    y = "ε / ε<sub>opt</sub>" if by_optimum else "ε P<sup>γ₀+γ₁γ₂</sup>"
    figure = theme.blank(
        "collapse", state, f"{words(state.norm)}, {x}", f"{words(state.metric)}, {y}"
    )
    moved = {
        as_size(size): (part["log_rescaled_norm"].to_numpy(), part["rescaled_error"].to_numpy())
        for size, part in rescaled_table(laws, state).groupby("size", sort=True)
    }
    logs = np.concatenate([x for x, _ in moved.values()] or [np.zeros(0)])
    as_norm = theme.norm_axis(figure, "x", state.norm, logs)
    if not as_norm:
        figure.update_axis("x", title={"text": f"ln of {x}"})
    theme.ticks(figure, "y", np.concatenate([y for _, y in moved.values()] or [np.zeros(0)]))
    if by_optimum:
        _band(figure, seed_band(laws.samples), as_norm)
    for size, (log_x, height) in moved.items():
        figure.add_scatter(
            x=theme.place(log_x, as_norm),
            y=height,
            mode="lines",
            line={"color": colours[size], "width": 1.8},
            hovertemplate=f"P = {count(size)}<extra></extra>",
            meta={"size": size, "role": "line", "opacity": 1.0},
        )
    if by_optimum:
        figure.add_scatter(
            x=theme.place(np.zeros(1), as_norm),
            y=[1],
            mode="markers",
            hoverinfo="skip",
            marker={"symbol": "cross-thin", "size": 13, "line": {"width": 2, "color": INK}},
            meta={"role": "law"},
        )
    return theme.zoomed(figure, state)


def _band(figure: Figure, band: SeedBand, as_norm: bool) -> None:
    """Where 95 % of the curves would lie if seeds alone set them apart."""
    known = np.isfinite(band.half)
    if not known.any():
        return
    x = theme.place(band.axis[known], as_norm)
    low, high = (np.exp(band.common + sign * band.half)[known] for sign in (-1, 1))
    figure.add_scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        fill="toself",
        fillcolor=BAND,
        mode="lines",
        line={"width": 1, "color": NEUTRAL},
        hoverinfo="skip",
        meta={"role": "band"},
    )
