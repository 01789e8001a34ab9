"""In-context regression: one head, two heads of both signs, and the late law in the norm."""

from __future__ import annotations

import numpy as np

from normlaws.display.numbers import significant
from normlaws.explore.models.plot import Knob, Line, Model, Plot, Shown, Values, level
from normlaws.report.style import FIT, MUTED, PREDICTION

TIMES = np.geomspace(0.1, 1e4, 60)


def solve(values: Values) -> Shown:
    """The flows of one and of two heads."""
    from normlaws.theory.in_context import InContextRegression

    dimension, length = int(values["dimension"]), int(values["length"])
    model = InContextRegression(dimension, length, values["noise"])
    two, one = model.flow(TIMES), model.flow(TIMES, [0.01], [0.01])
    single, debiased = model.single_head(), model.debiased()
    late = model.spread * model.shrinkage**6 * dimension**3 / (24 * two.norm**4)
    used = (late < 3 * two.excess[0]) & (late > 0)
    in_time = (
        Line("two heads", TIMES, two.risk, FIT),
        Line("one head", TIMES, one.risk, PREDICTION, dash="dash"),
        level(model.infimum(), TIMES, "infimum", MUTED, dash="dot"),
        level(debiased.risk, TIMES, "debiased descent, exact", MUTED, dash="dashdot"),
    )
    in_norm = (
        Line("two heads", two.norm, two.excess, FIT),
        Line("one head", one.norm, one.excess, PREDICTION, dash="dash"),
        Line("late law, 1/norm⁴", two.norm[used], late[used], MUTED, dash="dot"),
    )
    rows = (
        ("best risk of one head", significant(single.risk, 6)),
        ("its ω, 1/√d", significant(single.omega, 5)),
        ("its μ", significant(single.mu, 5)),
        ("infimum, heads of both signs", significant(model.infimum(), 6)),
        ("debiased descent, exact at L", significant(debiased.risk, 6)),
        ("its step", significant(debiased.step, 5)),
    )
    return Shown(
        (
            Plot("time t", "risk R", in_time),
            Plot("norm of (μ, ω)", "risk above its infimum", in_norm),
        ),
        rows,
    )


MODEL = Model(
    name="in-context",
    title="In-context regression",
    knobs=(
        Knob("dimension", "d, dimension", 1, 50, 5, whole=True),
        Knob("length", "L, examples in the context", 10, 2000, 40, log=True, whole=True),
        Knob("noise", "s², noise", 0.0, 2.0, 0.1),
    ),
    headings=("Risk against time", "Excess risk against norm"),
    captions=(
        "Solid: two heads of opposite signs. Dashed: one head. Dotted: infimum to order 1/L; "
        "dash-dotted: one debiased step of gradient descent, exactly at this L.",
        "The late law of heads of both signs is a power of the norm; one head stops at its own "
        "risk. The size is L, so there is a direct law alone.",
    ),
    about="Softmax heads learn linear regression within a context.",
    solve=solve,
)
