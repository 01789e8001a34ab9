"""Soft committees in one pass: the plateau in examples, and what is left of it in the norm."""

from __future__ import annotations

import numpy as np

from normlaws.arrays import Floats
from normlaws.display.numbers import fixed, significant
from normlaws.explore.models.plot import Knob, Line, Model, Plot, Shown, Values, level
from normlaws.report.style import FIT, MUTED, PREDICTION

FIRST, RECORDS = 0.1, 60  # α of the first record
VARIANCE, OVERLAP = 0.01, 0.001  # of the start


def solve(values: Values) -> Shown:
    """Solve up to α, in erf units and in linear ones."""
    from normlaws.theory.committee import SoftCommittee

    units, teachers, count = (int(values[name]) for name in ("students", "teachers", "eigenvalues"))
    beta, rate, last = (values[name] for name in ("beta", "rate", "alpha"))
    model = SoftCommittee(units, teachers, count, beta, rate, "erf", VARIANCE, OVERLAP)
    found = model.solve(np.geomspace(FIRST, last, RECORDS))
    good = np.isfinite(found.test_loss)
    alpha, norm, loss = found.alpha[good], found.norm[good], found.test_loss[good]
    in_time, in_norm = [Line("erf units", alpha, loss, FIT)], [Line("erf units", norm, loss, FIT)]
    escape = "no plateau"
    if min(units, teachers) > 1:
        time = model.escape_time()
        escape = significant(time, 4)
        in_time.append(_plateau(alpha, time, loss))
    if rate * teachers / units < 2:
        linear = SoftCommittee(units, teachers, count, beta, rate, "linear", VARIANCE, OVERLAP)
        path = linear.solve(found.alpha)
        fine = np.isfinite(path.test_loss)
        x, n, y = path.alpha[fine], path.norm[fine], path.test_loss[fine]
        in_time.append(Line("linear units", x, y, PREDICTION, dash="dash"))
        in_norm.append(Line("linear units", n, y, PREDICTION, dash="dash"))
    laws = model.laws() if count > 1 else None
    rows = (
        ("e-fold time of the escape, in α", escape),
        ("γ, many eigenvalues", fixed(laws.gamma) if laws else "no law"),
        ("γ₁", fixed(laws.gamma1) if laws else "no law"),
        ("γ₂, of the cut alone", fixed(laws.gamma2) if laws else "no law"),
        ("test loss at the end", significant(float(loss[-1]), 6)),
        ("norm at the end, ‖J‖/√N", significant(float(norm[-1]), 6)),
        ("beyond double precision", f"{np.sum(~good)} of {len(good)} records"),
    )
    return Shown(
        (
            Plot("α, examples per input", "test loss", tuple(in_time)),
            Plot("norm of the students, ‖J‖/√N", "test loss", tuple(in_norm)),
        ),
        rows,
    )


def _plateau(alpha: Floats, time: float, loss: Floats) -> Line:
    """One e-fold time, below the place where the loss falls least."""
    slope = np.gradient(np.log(loss), np.log(alpha))
    inside = slice(5, -5)
    place = int(np.argmax(slope[inside])) + 5
    below = 0.6 * float(loss[place])
    return level(below, alpha[place] + np.array([0.0, time]), "one e-fold time", MUTED, "solid")


MODEL = Model(
    name="committee",
    title="Committee",
    knobs=(
        Knob("students", "K, students", 1, 3, 2, whole=True),
        Knob("teachers", "M, teachers", 1, 3, 2, whole=True),
        Knob("eigenvalues", "L, eigenvalues", 1, 16, 4, whole=True),
        Knob("beta", "β, exponent of the spectrum", 0.1, 3.0, 1.0),
        Knob("rate", "η, learning rate", 0.05, 1.5, 0.5),
        Knob("alpha", "α at the end", 10, 1000, 300, log=True),
    ),
    headings=("Test loss against examples", "Test loss against norm"),
    captions=(
        "Solid: erf units. Dashed: linear units at the same settings. The short level line is one "
        "e-fold time of the escape from the symmetric plateau.",
        "The plateau, long in examples, is short in the norm. In one pass every size cuts the same "
        "curve, so each run is best at its end and the late law is trivial.",
    ),
    about="Two-layer students learn a two-layer teacher from fresh examples, many inputs.",
    solve=solve,
)
