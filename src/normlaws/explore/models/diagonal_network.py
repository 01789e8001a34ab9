"""Diagonal networks: how many examples the initial scale asks for, and which norm sees training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from normlaws.arrays import Floats
from normlaws.display.numbers import significant
from normlaws.explore.models.plot import Knob, Line, Model, Plot, Shown, Values, point
from normlaws.report.style import FIT, INK, MUTED, NEUTRAL, PREDICTION

if TYPE_CHECKING:
    from normlaws.theory.diagonal import DiagonalNetwork

DIMENSION, SPARSITY, NOISE, SEEDS = 100, 3, 0.01, 3
SIZES = (10, 15, 20, 30, 40, 55, 75, 95)
ENDS = {"rich, α = 1e-4": 1e-4, "kernel, α = 10": 10.0}
FLOW_DIMENSION = 60


def solve(values: Values) -> Shown:
    """The limits at several sizes, and one flow with logistic loss."""
    from normlaws.theory.diagonal import DiagonalNetwork

    scale, depth, size = values["scale"], values["depth"], int(values["size"])
    network = DiagonalNetwork(scale, depth)
    excess = {name: _excess(DiagonalNetwork(one, depth)) for name, one in ENDS.items()}
    here = _excess(network)
    sizes = np.array(SIZES, dtype=float)
    first = Plot(
        "P, examples", "excess |β − β*|²",
        (
            *(Line(name, sizes, excess[name], colour, dash="dash")
              for name, colour in zip(ENDS, (PREDICTION, NEUTRAL), strict=True)),
            Line("this scale", sizes, here, FIT),
        ),
    )  # fmt: skip
    frame = network.curves([size], FLOW_DIMENSION, SPARSITY, seeds=1).frame
    error = frame["test_error"].to_numpy(dtype=float)
    norms = {
        "|β|": ("log_frobenius", FIT, "solid"),
        "distance from the start": ("log_distance", PREDICTION, "dash"),
        "all weights, |w|": ("log_weights", MUTED, "dot"),
    }
    lines = [
        Line(name, np.exp(frame[column].to_numpy(dtype=float)), error, colour, dash=dash)
        for name, (column, colour, dash) in norms.items()
    ]
    best = int(np.argmin(error))
    lines.append(point(lines[0].x[best], error[best], "lowest error", INK, "circle"))
    second = Plot("norm", "test error, logistic loss", tuple(lines))
    moved = np.ptp(frame["log_weights"]), np.ptp(frame["log_frobenius"])
    rows = (
        ("lowest test error", significant(float(error[best]), 4)),
        ("|β| there", significant(float(lines[0].x[best]), 4)),
        ("excess at the largest P shown", significant(float(here[-1]), 3)),
        ("growth of ln |β| in training", significant(float(moved[1]), 3)),
        ("growth of ln |w|", significant(float(moved[0]), 3)),
    )
    return Shown((first, second), rows)


def _excess(network: DiagonalNetwork) -> Floats:
    """The geometric mean over seeds at every size."""
    from normlaws.theory.diagonal.experiment import SparseProblem

    found = np.empty((SEEDS, len(SIZES)))
    for seed in range(SEEDS):
        for place, size in enumerate(SIZES):
            problem = SparseProblem.draw(size, DIMENSION, SPARSITY, NOISE, seed)
            beta = network.limit(problem.inputs, problem.targets).beta
            found[seed, place] = np.sum((beta - problem.truth) ** 2)
    mean: Floats = np.exp(np.mean(np.log(found), axis=0))
    return mean


MODEL = Model(
    name="diagonal-network",
    title="Diagonal network",
    knobs=(
        Knob("scale", "α, initial scale", 1e-4, 10.0, 0.1, log=True),
        Knob("depth", "D, depth", 2, 6, 2, whole=True),
        Knob("size", "P of the flow", 10, 200, 60, log=True, whole=True),
    ),
    headings=("Excess error against P", "Test error against three norms"),
    captions=(
        "Squared loss at the end of training, d = 100, three entries of β* not zero; mean of three "
        "seeds. Dashed: far in the rich and in the kernel regime.",
        "Logistic loss, d = 60, along the flow. In the kernel regime (large α) the norm of all "
        "weights hardly moves: it is blind, and the distance from the start is not.",
    ),
    about="Linear in its inputs, a power of its weights: β = w₊ᴰ − w₋ᴰ, from w = α.",
    solve=solve,
)
