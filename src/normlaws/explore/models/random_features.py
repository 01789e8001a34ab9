"""Random features: curves of three sizes with the early law, and the phases over (a, b)."""

from __future__ import annotations

import math

import numpy as np

from normlaws.display.numbers import count, fixed, significant
from normlaws.explore.models.plot import Field, Knob, Line, Model, Plot, Shown, Values, point
from normlaws.report.style import FIT, INK, MUTED, PREDICTION, size_colours

RECORDS = 40
REACH = (1.05, 5.0)  # of both exponents in the map
POINTS = 61


def solve(values: Values) -> Shown:
    """Solve at P and two smaller sizes."""
    from normlaws.theory.random_features import RandomFeatures

    a, b, noise, size = (values[name] for name in ("a", "b", "noise", "size"))
    model = RandomFeatures(a, b, noise=noise)
    sizes = [max(1, round(size / part)) for part in (100, 10, 1)]
    best, laws = model.optimum(np.array(sizes, dtype=float)), model.laws()
    colours, lines = size_colours(sizes), []
    for one in sizes:
        curve = model.solve(float(one), model.times(one, RECORDS))
        good = np.isfinite(curve.norm) & np.isfinite(curve.test_loss)
        lines.append(Line(f"P = {count(one)}", curve.norm[good], curve.test_loss[good],
                          colours[one]))  # fmt: skip
    norms = np.concatenate([line.x for line in lines])
    if a < 1 + b:
        along = np.geomspace(np.min(norms), np.max(norms), 80)
        law = model.early_law(along)
        low = min(np.min(line.y) for line in lines)
        good = np.isfinite(law) & (law > 0.5 * low) & (law < model.solve(1.0, 0.0).test_loss)
        lines.append(Line("early law", along[good], law[good], FIT, dash="dash"))
    at = np.isfinite(best.norm)
    lines.append(Line("optima", best.norm[at], best.test_loss[at], INK, symbol="circle"))
    rows = (
        ("regime", laws.regime),
        ("γ, P → ∞", fixed(laws.gamma)),
        ("γ₁", _known(laws.gamma1)),
        ("γ₂", _known(laws.gamma2)),
        ("exponent of time, (a − 1)/b", fixed((a - 1) / b)),
        ("exponent of compute", fixed(laws.compute_exponent)),
        ("best time at P", significant(float(best.time[-1]), 5) if at[-1] else "no optimum"),
        ("lowest test loss", significant(float(best.test_loss[-1]), 6) if at[-1] else "–"),
        ("norm there", significant(float(best.norm[-1]), 6) if at[-1] else "–"),
    )
    curves = Plot("norm of the student, ‖w‖", "test loss", tuple(lines))
    return Shown((curves, _phases(a, b, noise)), rows)


def _known(value: float) -> str:
    return fixed(value) if math.isfinite(value) else "no law"


def _phases(a: float, b: float, noise: float) -> Plot:
    """γ over the plane of exponents, with the edges of the regimes."""
    grid = np.linspace(*REACH, POINTS)
    x, y = np.meshgrid(grid, grid)
    gamma = (x - 1) / x if noise else np.minimum(x - 1, 2 * y)
    edge = grid[grid + 1 <= REACH[1]]
    lines = [Line("a = 1 + b: easy beyond", edge + 1, edge, INK)]
    notes = [(2.0, 4.6, "hard target:<br>two laws"), (4.3, 1.4, "easy target:<br>no laws")]
    if not noise:
        lines.append(Line("a = b: no optimum beyond", grid, grid, MUTED, dash="dash"))
        notes[0] = (1.75, 4.6, "optimum inside")
    lines.append(point(a, b, "current point", PREDICTION))
    return Plot(
        "a, of the target", "b, of the spectrum", tuple(lines), Field("γ", grid, grid, gamma),
        log=(False, False), notes=tuple(notes),
    )  # fmt: skip


MODEL = Model(
    name="random-features",
    title="Random features",
    knobs=(
        Knob("a", "a, exponent of the target", 1.05, 5.0, 1.5),
        Knob("b", "b, exponent of the spectrum", 1.05, 5.0, 1.5),
        Knob("noise", "σ², label noise", 0.0, 4.0, 1.0),
        Knob("size", "P, examples", 100, 1e8, 1e5, log=True, whole=True),
    ),
    headings=("Test loss against norm", "Regimes over (a, b)"),
    captions=(
        "Solid: exact curves at P, P/10 and P/100. Dashed: early law, in closed form. Circles: "
        "lowest loss.",
        "Colour: γ, the exponent of the lowest loss in P. Solid: a = 1 + b, beyond which the norm "
        "saturates and is no clock. Dashed, without noise: a = b, beyond which the loss falls for "
        "ever. Diamond: the current point.",
    ),
    about="A linear student of power-law features learns a power-law target by gradient flow.",
    solve=solve,
)
