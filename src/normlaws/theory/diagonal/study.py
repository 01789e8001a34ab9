"""The study ``diagonal-network``: three initial scales, descent beside flow, the transition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.curves import Curves
from normlaws.theory._runs import as_curves, run_of
from normlaws.theory.diagonal.experiment import SparseProblem, sample_complexity
from normlaws.theory.diagonal.network import DiagonalNetwork
from normlaws.theory.diagonal.simulation import descend_diagonal

SCALES = (1e-3, 0.1, 10.0)
SIZES = (40, 80, 160, 320)
STUDENTS = (40, 160)
STUDENT_SCALE, RATE = 0.1, 0.05
STUDENT_STEPS = (50, 100, 200, 400, 800, 1600, 3200)
TRANSITION = (25, 50, 100, 200, 400)


@dataclass(frozen=True)
class DiagonalStudy:
    """Learning curves with logistic loss, and the sample complexity with squared loss.

    Attributes:
        flows: curves along gradient flow by initial scale.
        descent: gradient descent on the weights at one scale, on the same problems.
        transition: columns ``init_scale``, ``size``, ``seed``, ``excess``.
    """

    flows: dict[float, Curves]
    descent: Curves
    transition: pd.DataFrame

    def kinds(self) -> dict[str, Curves]:
        """The curves by a short title."""
        named = {f"flow at scale {scale:g}": curves for scale, curves in self.flows.items()}
        return named | {f"descent at scale {STUDENT_SCALE:g}": self.descent}


def study(
    dimension: int = 200, sparsity: int = 5, seeds: int = 3, width: int = 1000
) -> DiagonalStudy:
    """Compute what the preset shows.

    Args:
        dimension: d of the learning curves.
        sparsity: r.
        seeds: how many.
        width: d of the sample-complexity experiment, which goes to P = 400.
    """
    flows = {
        scale: DiagonalNetwork(scale).curves(SIZES, dimension, sparsity, seeds=seeds)
        for scale in SCALES
    }
    transition = sample_complexity(
        sizes=[size for size in TRANSITION if size <= width], dimension=width, sparsity=sparsity,
        seeds=seeds,
    )  # fmt: skip
    return DiagonalStudy(flows, _students(dimension, sparsity, seeds), transition)


def values(init_scale: float, depth: float = 2, beta: float = 1.0) -> dict[str, float]:
    """The mirror map of one coordinate.

    Args:
        init_scale: α.
        depth: D.
        beta: where Q and the weights are evaluated.
    """
    network = DiagonalNetwork(init_scale, depth)
    theta = network.geometry.theta(np.array([float(beta)]))
    return {
        "init_scale": init_scale,
        "depth": depth,
        "beta": beta,
        "potential": float(network.potential(beta)),
        "mirror_map": float(network.geometry.mirror(theta)[0]),
        "log_weights": float(network.geometry.log_weight_norm(theta)),
        "log_distance": float(network.geometry.log_distance(theta)),
    }


def best_errors(curves: Curves) -> pd.Series:
    """The mean over seeds of the lowest test error at every size."""
    return curves.frame.groupby(["size", "seed"]).test_error.min().groupby("size").mean()


def _students(
    dimension: int, sparsity: int, seeds: int, steps: Sequence[int] = STUDENT_STEPS
) -> Curves:
    network = DiagonalNetwork(STUDENT_SCALE)
    settings = {
        "model": "diagonal network", "training": "gradient descent", "loss": "logistic",
        "init_scale": STUDENT_SCALE, "depth": 2.0, "dimension": dimension, "sparsity": sparsity,
        "noise": 0.0, "learning_rate": RATE,
    }  # fmt: skip
    parts = []
    for size in STUDENTS:
        for seed in range(seeds):
            problem = SparseProblem.draw(size, dimension, sparsity, 0.0, seed)
            beta = descend_diagonal(
                network, problem.inputs, problem.asked("logistic"),
                learning_rate=RATE, steps=steps, loss="logistic",
            )  # fmt: skip
            theta = network.geometry.theta(beta)
            columns = problem.record(network.geometry, theta, "logistic")
            columns["time"] = RATE * np.array(steps, dtype=float)
            named = {name: value[None] for name, value in columns.items()}
            parts.append(as_curves([run_of(size, seed, settings)], named, list(steps)))
    return Curves.concat(parts)
