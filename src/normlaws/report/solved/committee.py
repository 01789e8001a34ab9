"""The page of soft committees: theory and students, plateaus, and laws."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from normlaws.display.numbers import fixed, significant
from normlaws.report.page import Figure, Section, Table, Text
from normlaws.report.scales import log_axis
from normlaws.report.solved import _any
from normlaws.report.style import MUTED, legend_above, new_axes, size_colours
from normlaws.theory.registry import solved_study

if TYPE_CHECKING:
    from normlaws.theory.committee import SoftCommittee
    from normlaws.theory.committee.comparison import CommitteeStudy

TITLE = "Soft committees in one pass"
COUNTS = (1, 4, 16)  # eigenvalues of the figure of plateaus
MORE = (1, 2, 4, 8, 16, 32)  # and of the table of escape times

_INTRODUCTION = (
    "A committee of K students learns M teachers from inputs whose variances follow a power law, "
    "one fresh example a step. For many inputs its learning curve is exact. Units of erf stay on "
    "a plateau where all students are alike: long in examples, short in the norm."
)
_ONE_PASS = (
    "With one pass over fresh examples the number of examples only says where the same curve is "
    "cut. No run has an optimum inside: the norm at the end takes the place of the optimal norm, "
    "so the late law is the early law's clock once more, and a fit rightly says that optima are "
    "censored. Linear units show the exponents γ1 = 2β and γ = β/(1 + β) of a long spectrum; "
    "with erf units they were not reached at up to 96 eigenvalues."
)


def lead(solved: CommitteeStudy) -> list[str]:
    """Short facts below the heading."""
    model = solved.model
    return [
        f"K = {model.student}, M = {model.teacher}",
        f"L = {model.eigenvalues} eigenvalues, β = {model.spectrum_exponent:g}",
        f"learning rate η = {model.learning_rate:g}",
        f"students: {len(solved.students.seeds)} seeds",
    ]


def sections(solved: CommitteeStudy) -> list[Section]:
    """The page's sections."""
    study = solved_study("committee")
    exact = {"theory": solved.theory, "linear units": solved.linear}
    return [
        Section("What is shown", "shown", [Text(_INTRODUCTION)]),
        Section("Theory and students", "comparison", _curves(solved)),
        Section("Plateaus", "plateaus", _plateaus(solved.model)),
        Section("Linear units", "linear", [_linear(solved)]),
        Section("The laws", "laws", [Text(_ONE_PASS), *_any.laws(exact, study)]),
    ]


def _curves(solved: CommitteeStudy) -> list[Figure]:
    longest = solved.theory.select(sizes=solved.theory.sizes[-1:])
    kinds = {"theory": longest, "students": solved.students}
    figures = []
    for norm, words in (("frobenius", "norm"), ("spectral_complexity", "spectral complexity")):
        figures.append(
            Figure(
                _any.draw(kinds, norm, "test_loss"),
                alt=f"Test loss against the {words}: a line of theory, points of students on it.",
                caption="Line: theory. Points: finite committees, mean over seeds with one "
                "standard error.",
                name=f"curves-{norm.replace('_', '-')}",
            )
        )
    return figures


def _linear(solved: CommitteeStudy) -> Figure:
    return Figure(
        _any.draw({"linear units": solved.linear}, "frobenius", "test_loss"),
        alt="Test loss of linear units against the norm: one curve, a power law.",
        caption="Exact curves of one linear unit with 10,000 eigenvalues; every size cuts the "
        "same curve.",
        name="curves-linear",
    )


def _plateaus(model: SoftCommittee) -> list[Figure | Table]:
    found: list[Figure | Table] = [
        Figure(
            draw_plateaus(model),
            alt="Test loss against examples per input for several numbers of eigenvalues.",
            caption="Exact test loss against examples per input, for several numbers of "
            "eigenvalues L.",
            name="plateaus",
        )
    ]
    if min(model.student, model.teacher) > 1:
        found.append(_escapes(model))
    return found


def draw_plateaus(model: SoftCommittee, ax: Axes | None = None) -> Axes:
    """ε against α for several L."""
    ax = new_axes(ax)
    colours, values = size_colours(COUNTS), []
    alphas = np.geomspace(0.1, 1000, 25)
    for count in COUNTS:
        loss = replace(model, eigenvalues=count).solve(alphas).test_loss
        ax.plot(alphas, loss, color=colours[count], lw=1.5)
        values.append(loss[np.isfinite(loss)])
    ax.plot([], [], color=MUTED, lw=1.5, label=f"L = {COUNTS[0]} (light) to {COUNTS[-1]} (dark)")
    log_axis(ax, "x", alphas)
    log_axis(ax, "y", np.concatenate(values))
    ax.set(xlabel="examples per input α", ylabel="test loss")
    legend_above(ax)
    return ax


def _escapes(model: SoftCommittee) -> Table:
    times = [replace(model, eigenvalues=count).escape_time() for count in MORE]
    slopes = np.diff(np.log(times)) / np.diff(np.log(MORE))
    rows = [
        [str(count), significant(time, 4), significant(time * model.learning_rate, 4), slope]
        for count, time, slope in zip(MORE, times, ["–", *map(fixed, slopes)], strict=True)
    ]
    header = ["eigenvalues L", "e-fold time in α", "times η", "exponent in L"]
    return Table("Escape from the symmetric plateau", header, rows, numeric=(0, 1, 2, 3))
