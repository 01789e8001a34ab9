"""The report of the diagonal networks: the general page, and the published transition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from normlaws.report.page import Figure, Section
from normlaws.report.solved import _any
from normlaws.report.style import legend_above, new_axes
from normlaws.theory.registry import solved_study

if TYPE_CHECKING:
    from normlaws.theory.diagonal.study import DiagonalStudy

TITLE = "Diagonal networks"
_MARKERS = "os^Dv"


def lead(solved: DiagonalStudy) -> list[str]:
    """Short facts below the heading."""
    return _any.lead(solved_study("diagonal-network"), solved)


def sections(solved: DiagonalStudy) -> list[Section]:
    """The page's sections."""
    own = Section("How many examples are needed", "transition", [_transition(solved)])
    return [*_any.sections(solved_study("diagonal-network"), solved), own]


def _transition(solved: DiagonalStudy) -> Figure:
    ax = new_axes(None)
    table = solved.transition.assign(log=np.log(solved.transition["excess"]))
    means = np.exp(table.groupby(["init_scale", "size"])["log"].mean()).unstack(0)
    for marker, scale in zip(_MARKERS, means, strict=False):
        ax.plot(means.index, means[scale], marker=marker, ms=4, lw=1.3, label=f"scale {scale:g}")
    ax.axhline(0.025, color="black", lw=0.8, ls=":")
    ax.set(xscale="log", yscale="log", xlabel="P", ylabel="excess |β − β*|²")
    legend_above(ax)
    return Figure(
        ax,
        "Excess of the limit against the number of examples, one line per initial scale.",
        "Squared loss, limit of gradient flow, geometric means over seeds. Small initial scales "
        "need as many examples as the L1 norm does, large ones as many as there are dimensions. "
        "Dotted: an excess of 0.025.",
        "transition",
    )
