"""The page of linear random features: theory, students, compute frontier, and exponents."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from normlaws.display.numbers import fixed
from normlaws.report.page import Figure, Section, Table, Text
from normlaws.report.scales import log_axis
from normlaws.report.solved import _any
from normlaws.report.style import FIT, MUTED, legend_above, new_axes, size_colours
from normlaws.theory.registry import solved_study

if TYPE_CHECKING:
    from normlaws.theory.random_features import RandomFeatures
    from normlaws.theory.random_features.comparison import FeatureStudy

TITLE = "Linear random features"
WIDTHS = (10, 30, 100, 300, 1000, 3000)  # of the compute figure
COMPUTE = (1e3, 1e7)
MODES = 10**7  # of the compute figure: more change nothing there
DECADES = (1e4, 1e6, 1e8, 1e10)  # sizes of the table of local exponents

_INTRODUCTION = (
    "A linear student learns a target of power-law spectrum from P noisy examples by gradient "
    "flow. Test loss, train loss and the norm of its weights are known exactly at every time. "
    "While the target is hard (a < 1 + b) the norm grows as a power of time, so the loss is a "
    "power of the norm until the training set is felt, and label noise puts an optimum on every "
    "curve: both laws hold, with exponents in closed form."
)


def lead(solved: FeatureStudy) -> list[str]:
    """Short facts below the heading."""
    model = solved.model
    return [
        f"a = {model.target_exponent:g}, b = {model.spectrum_exponent:g}",
        f"label noise σ² = {model.noise:g}",
        f"regime: {model.laws().regime}",
        *_any.lead(solved_study("random-features"), solved)[1:2],
        f"students: {len(solved.students.seeds)} seeds at {len(solved.students.sizes)} sizes",
    ]


def sections(solved: FeatureStudy) -> list[Section]:
    """The page's sections."""
    study = solved_study("random-features")
    shown, _, curves, laws = _any.sections(study, solved)
    kinds = {"theory": solved.theory, "students": solved.students}
    beside = Figure(
        _any.draw(kinds, study.norm, study.metric),
        alt="Test loss against the norm: lines of theory, points of students on them.",
        caption="Lines: theory with the students' modes. Points: finite students, mean over seeds "
        "with one standard error.",
        name="curves-theory-students",
    )
    return [
        replace(shown, blocks=[Text(_INTRODUCTION)]),
        Section("Theory and students", "comparison", [beside]),
        Section("Exponents", "exponents", [_exponents(solved.model)]),
        Section("Compute", "compute", [_compute_figure(solved.model)]),
        curves,
        laws,
    ]


def _exponents(model: RandomFeatures) -> Table:
    """Closed forms, and local slopes of the exact optimum."""
    laws = model.laws()
    rows = [["closed form, P → ∞", *(fixed(x) for x in (laws.gamma, laws.gamma1, laws.gamma2))]]
    wide = replace(model, modes=10**12)
    for size in DECADES:
        best = wide.optimum([size, 2 * size])
        gamma = -float(np.diff(np.log(best.test_loss))[0]) / math.log(2)
        gamma2 = float(np.diff(np.log(best.norm))[0]) / math.log(2)
        rows.append([f"exact, P = {size:.0e} to twice that", fixed(gamma), "–", fixed(gamma2)])
    header = ["", "γ", "γ1", "γ2"]
    return Table("Exponents of the optimum", header, rows, numeric=(1, 2, 3))


def _compute_figure(model: RandomFeatures) -> Figure:
    return Figure(
        draw_compute(model),
        alt="Test loss against compute for several widths, and the envelope of the best widths.",
        caption="Fresh data: test loss against compute C = N t, one line per width N, and the "
        "frontier of the best width at every C (dashed), whose exponent is "
        f"{fixed(model.laws().compute_exponent)} in closed form.",
        name="compute",
    )


def draw_compute(model: RandomFeatures, ax: Axes | None = None) -> Axes:
    """Test loss against C = N t at P = ∞, by width, with the frontier."""
    ax = new_axes(ax)
    fresh = replace(model, modes=min(model.modes, MODES), noise=0.0, learning_rate=0.0)
    colours, values = size_colours(WIDTHS), []
    for width in WIDTHS:
        compute = np.geomspace(max(COMPUTE[0], 10.0 * width), COMPUTE[1], 41)
        loss = replace(fresh, width=float(width)).solve(math.inf, compute / width).test_loss
        ax.plot(compute, loss, color=colours[width], lw=1.3)
        values.append(loss)
    compute = np.geomspace(*COMPUTE, 9)
    best = fresh.frontier(compute)
    ax.plot(compute, best.test_loss, color=FIT, lw=1.6, ls="--", label="frontier")
    ax.plot([], [], color=MUTED, lw=1.3, label=f"N = {WIDTHS[0]} (light) to {WIDTHS[-1]} (dark)")
    log_axis(ax, "x", compute)
    log_axis(ax, "y", np.concatenate(values))
    ax.set(xlabel="compute C = N t", ylabel="test loss")
    legend_above(ax)
    return ax
