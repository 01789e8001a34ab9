"""Sparse attention: the plateau in time, and the same loss against the norm."""

from __future__ import annotations

import numpy as np

from normlaws.display.numbers import significant
from normlaws.explore.models.plot import Knob, Line, Model, Plot, Shown, Values, point, upright
from normlaws.report.style import FIT, MUTED, PREDICTION

RECORDS = 90


def solve(values: Values) -> Shown:
    """The flow to ten times its plateau."""
    from normlaws.theory.attention import SparseAttention

    length, dimension, repeated = (
        int(values[name]) for name in ("length", "dimension", "repeated")
    )
    model = SparseAttention(length, dimension, repeated, values["shared"])
    law, plateau = model.plateau_law(), model.plateau()
    falls = plateau * np.linspace(0.9, 1.1, RECORDS)  # where all happens
    times = np.unique(np.concatenate([law * np.geomspace(1e-2, 10, RECORDS), falls]))
    found = model.flow(times)
    published = SparseAttention(length, dimension, repeated, values["shared"], clock="reduced")
    there = model.flow(plateau)
    in_time = (
        Line("gradient flow", times, found.test_loss, FIT),
        Line("reduced clock", times, published.flow(times).test_loss, MUTED, dash="dash"),
        upright(law, float(np.min(found.test_loss)), 0.5, "law of the plateau", PREDICTION),
        point(plateau, 0.1, "L = 0.1", PREDICTION),
    )
    in_norm = (
        Line("gradient flow", found.norm, found.test_loss, FIT),
        point(float(there.norm), 0.1, "L = 0.1", PREDICTION),
    )
    rows = (
        ("time to L = 0.1", significant(plateau, 6)),
        ("its law", significant(law, 6)),
        ("reduced clock", significant(published.plateau(), 6)),
        ("|W| at L = 0.1", significant(float(there.norm), 5)),
        ("score u there", significant(float(there.score), 5)),
        ("√(2 ln T)", significant(float(np.sqrt(2 * np.log(length))), 4)),
    )
    return Shown(
        (Plot("time t", "test loss", in_time), Plot("norm |W|", "test loss", in_norm)), rows
    )


MODEL = Model(
    name="sparse-attention",
    title="Sparse attention",
    knobs=(
        Knob("length", "T, tokens of a context", 16, 4096, 512, log=True, whole=True),
        Knob("dimension", "d, dimension of a token", 2, 256, 64, log=True, whole=True),
        Knob("repeated", "B, positions of the relevant token", 1, 8, 1, whole=True),
        Knob("shared", "p, that the token is one fixed vector", 0.0, 0.9, 0.0),
    ),
    headings=("Test loss against time", "Test loss against norm"),
    captions=(
        "Solid: gradient flow. Dashed: with the score’s difference as a parameter of its own, "
        "which is another model where B > 1. Upright: law of the plateau in closed form.",
        "|W| overshoots √d and falls back, so the norm is no clock; data are fresh at every step, "
        "so there is no P and there are no two laws.",
    ),
    about="One softmax head must find the relevant of T tokens.",
    solve=solve,
)
