"""Figures of the solvable perceptron: matplotlib axes in, axes out; without axes, a new figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.curves.averages import mean_at_equal_step
from normlaws.theory.perceptron.fixed_norm import FixedNormPerceptron

if TYPE_CHECKING:
    from normlaws.theory.perceptron.comparison import Comparison

INK, MUTED, GRID = "#1c1b22", "#5c5a66", "#e4e2ea"
TIME = mpl.colormaps["viridis"]
LETTERS, SMALL = 9.0, 8.0


def error_against_norm(comparison: Comparison, size: int, ax: Axes | None = None) -> Axes:
    """ε(λ) at one size: theory, fixed-norm points, descent coloured by step, levels of the rules.

    Bars are three standard errors over seeds.
    """
    ax = _axes(ax)
    _draw_rules(comparison, size, ax)
    _draw_descent(comparison.descent.select(sizes=[size]), ax)
    line = comparison.theory.select(sizes=[size]).frame
    ax.plot(np.exp(line["log_frobenius"]), line["test_error"], color=INK, lw=1.6, label="theory")
    norm, mean, bar = _averages(comparison.fixed_norm.select(sizes=[size]))
    ax.errorbar(
        norm, mean, 3 * bar, fmt="o", ms=4, mfc="white", mec=INK, ecolor=INK, elinewidth=1.0,
        label=f"fixed norm, N = {comparison.dimension}", zorder=4,
    )  # fmt: skip
    alpha = size / comparison.dimension
    ax.set(xscale="log", yscale="log", xlabel="norm λ", ylabel="generalisation error ε")
    ax.set_xlim(float(np.exp(line["log_frobenius"].min())), None)
    ax.set_ylim(ax.get_ylim()[0] ** 1.25 / ax.get_ylim()[1] ** 0.25, None)  # room for the key
    _plain_ticks(ax)
    ax.set_title(f"α = {alpha:g}", fontsize=LETTERS, loc="right", color=INK)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, frameon=False, fontsize=SMALL)
    return ax


def collapse(
    comparison: Comparison, further: Sequence[float] = (30, 100, 1000), ax: Axes | None = None
) -> Axes:
    """ε·α against λ/α at the simulated α and further ones: one curve at large α."""
    ax = _axes(ax)
    flip = comparison.flip_probability
    alphas = sorted({*(size / comparison.dimension for size in comparison.theory.sizes), *further})
    ratio = np.geomspace(1e-3, 1e2, 101)
    theory = FixedNormPerceptron(flip)
    for alpha, colour in zip(alphas, _shades(len(alphas)), strict=True):
        error = theory.generalization_error(alpha, ratio * alpha)
        ax.plot(ratio, error * alpha, color=colour, lw=1.5, label=f"α = {alpha:g}")
    for size in comparison.fixed_norm.sizes:
        norm, mean, _ = _averages(comparison.fixed_norm.select(sizes=[size]))
        alpha = size / comparison.dimension
        ax.plot(norm / alpha, mean * alpha, "o", ms=3, mfc="none", mec=MUTED)
    ax.set(xscale="log", yscale="log", xlabel="λ / α", ylabel="ε α", xlim=(1e-3, 1e2))
    _plain_ticks(ax)
    ax.legend(frameon=False, fontsize=SMALL, loc="upper right")
    return ax


def local_exponents(
    alphas: Sequence[float] = (10, 100, 1e3, 1e5), flip_probability: float = 0.0,
    ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """−∂ ln ε/∂ ln λ (γ1) and −∂ ln ε/∂ ln α (γ0) along λ/α: both reach 1/2 in 1 ≪ λ ≪ α."""
    ax = _axes(ax)
    theory = FixedNormPerceptron(flip_probability)
    ax.axhline(0.5, color=MUTED, lw=0.8)
    for alpha, colour in zip(alphas, _shades(len(alphas)), strict=True):
        norm = np.geomspace(1e-2, 10 * alpha, 121)
        at = theory.solve(alpha, norm)
        ax.plot(norm, -at.norm_exponent, color=colour, lw=1.5, label=f"γ1, α = {alpha:g}")
        ax.plot(norm, -at.size_exponent, color=colour, lw=1.2, ls=(0, (4, 2)))
    ax.plot([], [], color=MUTED, lw=1.2, ls=(0, (4, 2)), label="γ0, same α")
    ax.set(xscale="log", xlabel="norm λ", ylabel="local exponent", ylim=(-0.15, 1.19))
    ax.legend(frameon=False, fontsize=SMALL, loc="upper left")
    return ax


def optimum_exponents(flip_probability: float = 0.0, ax: Axes | None = None) -> Axes:
    """Exponents d ln λ_opt/d ln α (γ2) and −d ln ε_opt/d ln α (γ) against α."""
    ax = _axes(ax)
    alpha = np.geomspace(0.1, 1e3, 41)
    best = FixedNormPerceptron(flip_probability).optimum(alpha)
    log_alpha = np.log(alpha)
    ax.axhline(1.0, color=MUTED, lw=0.8)
    gamma2 = np.gradient(np.log(best.norm), log_alpha)
    gamma = -np.gradient(np.log(best.generalization_error), log_alpha)
    ax.plot(alpha, gamma2, color=INK, lw=1.6, label="γ2, of the optimal norm")
    ax.plot(alpha, gamma, color="#00736b", lw=1.6, ls="--", label="γ, of the lowest error")
    ax.set(xscale="log", xlabel="α = P/N", ylabel="local exponent", ylim=(0, 1.4))
    ax.legend(frameon=False, fontsize=SMALL, loc="lower right")
    return ax


def _draw_rules(comparison: Comparison, size: int, ax: Axes) -> None:
    levels = comparison.rules[comparison.rules["size"] == size].dropna()
    for name, level in zip(levels["rule"], levels["generalization_error"], strict=True):
        ax.axhline(level, color=MUTED, lw=0.8, ls=(0, (5, 3)))
        ax.annotate(
            name, (1.0, level), xycoords=("axes fraction", "data"), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=SMALL, color=MUTED,
        )  # fmt: skip


def _draw_descent(curves: Curves, ax: Axes) -> None:
    """One dot per step, at the seeds' geometric mean norm and mean error."""
    mean = mean_at_equal_step(curves.frame, ["log_frobenius", "test_error"])
    dots = ax.scatter(
        np.exp(mean["log_frobenius"]), mean["test_error"], c=mean.index.to_numpy(dtype=float),
        s=14, cmap=TIME, norm=LogNorm(), label="descent", zorder=3, linewidths=0,
    )  # fmt: skip
    key = ax.inset_axes((0.06, 0.08, 0.34, 0.03))
    assert ax.figure is not None
    bar = ax.figure.colorbar(dots, cax=key, orientation="horizontal")
    bar.set_label("descent: step", fontsize=SMALL, color=INK)
    bar.ax.xaxis.set_label_position("top")
    bar.ax.tick_params(labelsize=SMALL - 1, length=2)
    bar.outline.set_visible(False)


def _averages(curves: Curves) -> tuple[Floats, Floats, Floats]:
    """Norm, mean error and its standard error over seeds."""
    mean = mean_at_equal_step(curves.frame, ["log_frobenius", "test_error"])
    norm = np.exp(mean["log_frobenius"].to_numpy())
    return norm, mean["test_error"].to_numpy(), mean["test_error_error"].to_numpy()


def _shades(count: int) -> list[Any]:
    return [mpl.colormaps["magma"](place) for place in np.linspace(0.78, 0.1, count)]


def _plain_ticks(ax: Axes) -> None:
    """Write error ticks as numbers: less than a decade has too few powers of ten."""
    low, high = ax.get_ylim()
    places = mpl.ticker.MaxNLocator(5) if high < 4 * low else mpl.ticker.LogLocator(subs=(1, 2, 5))
    ax.yaxis.set_major_locator(places)
    ax.yaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_formatter(mpl.ticker.NullFormatter())


def _axes(ax: Axes | None) -> Axes:
    if ax is None:
        ax = Figure(figsize=(5.4, 3.7), layout="constrained").add_subplot()
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(which="both", labelsize=SMALL, color=MUTED, labelcolor=INK)
    ax.grid(True, color=GRID, linewidth=0.7)
    ax.set_axisbelow(True)
    return ax
