"""The page of a solved model that has none of its own: every kind of curve, and its laws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from normlaws.curves.averages import mean_trajectories
from normlaws.display.exponents import EXPONENTS
from normlaws.display.numbers import count, fixed
from normlaws.errors import InputError
from normlaws.report.figures._draw import bands
from normlaws.report.page import Figure, Section, Table, Text
from normlaws.report.scales import log_axis, metric_label, norm_axis, positive, words
from normlaws.report.style import legend_above, new_axes, size_colours, size_key

if TYPE_CHECKING:
    from normlaws.curves import Curves
    from normlaws.laws import Estimate
    from normlaws.theory.registry import Solved, SolvedStudy

SHOWN = ("gamma", "gamma0", "gamma1", "gamma2", "product")
_MARKERS = "os^Dv"
_STROKES = ("-", "--", "-.", ":")


def title(study: SolvedStudy) -> str:
    """The heading of the page."""
    return f"Solved model: {study.name}"


def lead(study: SolvedStudy, solved: Solved) -> list[str]:
    """Short facts below the heading."""
    kinds = solved.kinds()
    sizes = sorted({size for curves in kinds.values() for size in curves.sizes})
    return [
        f"{len(sizes)} sizes, P from {count(sizes[0])} to {count(sizes[-1])}",
        *(f"{name}: {_seeds(curves)}" for name, curves in kinds.items()),
        f"norm: {words(study.norm)}",
        f"metric: {words(study.metric)}",
    ]


def sections(study: SolvedStudy, solved: Solved) -> list[Section]:
    """The page's sections."""
    kinds = solved.kinds()
    own = [_figure({name: curves}, study) for name, curves in kinds.items()]
    exact = [not curves.seeds for curves in kinds.values()]
    together = [_figure(kinds, study)] if any(exact) and not all(exact) else []
    return [
        Section("What is shown", "shown", [Text(study.description)]),
        Section("Theory and simulation", "comparison", together),
        Section("Curves", "curves", own),
        Section("The laws", "laws", laws(kinds, study)),
    ]


def draw(kinds: dict[str, Curves], norm: str, metric: str, ax: Axes | None = None) -> Axes:
    """Draw curves against the norm: exact ones as lines, others as points with error bars.

    Each kind of exact curves has its own stroke, each kind of points its own marker.

    Points are means over seeds at equal step; bars are one standard error to either side.
    """
    ax = new_axes(ax)
    shown = {
        name: mean_trajectories(curves, f"log_{norm}", metric) for name, curves in kinds.items()
    }
    colours = size_colours(size for curves in kinds.values() for size in curves.sizes)
    place = norm_axis(ax, "x", norm, np.concatenate([rows["x"] for rows in shown.values()]))
    ax.set_ylabel(metric_label(metric))
    log_axis(ax, "y", np.concatenate([rows["y"] for rows in shown.values()]))
    exact = simulated = 0
    for name, means in shown.items():
        rows = means.assign(x=place(means["x"].to_numpy(dtype=float)))
        if not kinds[name].seeds:
            stroke = _STROKES[exact % len(_STROKES)]
            exact += 1
            bands(ax, rows, colours, style=stroke, band=False)
            ax.plot([], [], color="black", lw=1.5, ls=stroke, label=name)
            continue
        marker = _MARKERS[simulated % len(_MARKERS)]
        simulated += 1
        for size, of_size in rows.groupby("size"):
            y = positive(of_size["y"].to_numpy())
            bar = (of_size["y_high"] - of_size["y_low"]).to_numpy(dtype=float) / 2
            ax.errorbar(
                of_size["x"], y, np.nan_to_num(bar), fmt=marker, ms=3.5, lw=1, mfc="white",
                color=colours[int(size)],
            )  # fmt: skip
        ax.plot([], [], marker, ms=3.5, mfc="white", color="black", label=name)
    size_key(ax, colours)
    legend_above(ax)
    return ax


def _figure(kinds: dict[str, Curves], study: SolvedStudy) -> Figure:
    *first, last = kinds
    names = f"{', '.join(first)} and {last}" if first else last
    alt = f"{words(study.metric)} against the {words(study.norm)}: {names}, one colour per size."
    caption = (
        f"{names[:1].upper()}{names[1:]}. Lines: exact. Points: mean over seeds at equal step, "
        "with one standard error."
    )
    axes = draw(kinds, study.norm, study.metric)
    return Figure(axes, alt, caption, "-".join(["curves", *kinds]).replace(" ", "-"))


def laws(kinds: dict[str, Curves], study: SolvedStudy) -> list[Table | Text]:
    """The laws of every kind of curve, and their verdicts."""
    from normlaws.laws import fit

    rows, said = [], []
    for name, curves in kinds.items():
        try:
            found = fit(curves, norm=study.norm, metric=study.metric, resamples=200)
        except InputError as error:
            rows.append([name, *["–"] * len(SHOWN)])
            said.append(f"{name}: {error}")
            continue
        rows.append([name, *(bracketed(getattr(found, one)) for one in SHOWN)])
        said.append(f"{name}: {found.verdict.text}")
    header = ["curves", *(EXPONENTS[name].typeset for name in SHOWN)]
    table = Table("The laws as nl.fit reads them", header, rows, numeric=(1, 2, 3, 4, 5))
    return [table, Text(items=said)]


def bracketed(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return fixed(estimate.value)
    return f"{fixed(estimate.value)} [{fixed(estimate.low)}, {fixed(estimate.high)}]"


def _seeds(curves: Curves) -> str:
    seeds = len(curves.seeds)
    return f"{seeds} {'seed' if seeds == 1 else 'seeds'}" if seeds else "exact"
