"""The study ``in-context``: the flow of two heads, one head, and softmax heads by Monte Carlo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.curves import Curves
from normlaws.theory._runs import as_curves, run_of
from normlaws.theory.in_context.model import InContextRegression
from normlaws.theory.in_context.simulation import sample_risk

LENGTHS = (40, 80, 160)
TIMES = np.geomspace(3, 300, 5)


@dataclass(frozen=True)
class InContextStudy:
    """Theory to order 1/L, exact softmax heads, and the values that training tends to.

    Attributes:
        theory: two heads of opposite signs.
        single: one head.
        sampled: the same two heads as softmax heads, by Monte Carlo.
        levels: columns ``length``, ``single_head``, ``infimum``, ``debiased``.
    """

    theory: Curves
    single: Curves
    sampled: Curves
    levels: pd.DataFrame

    def kinds(self) -> dict[str, Curves]:
        """The curves by a short title."""
        return {"theory": self.theory, "one head": self.single, "softmax heads": self.sampled}


def study(
    dimension: int = 5, noise: float = 0.1, contexts: int = 2000, seeds: int = 3
) -> InContextStudy:
    """Compute what the preset shows.

    Args:
        dimension: d.
        noise: s².
        contexts: per point of the Monte Carlo.
        seeds: how many Monte Carlo estimates.
    """
    model = InContextRegression(dimension, LENGTHS[0], noise)
    times = np.geomspace(0.1, 1e3, 30)
    rows = []
    for length in LENGTHS:
        one = InContextRegression(dimension, length, noise)
        rows.append(
            {
                "length": length,
                "single_head": one.single_head().risk,
                "infimum": one.infimum(),
                "debiased": one.debiased().risk,
            }
        )
    return InContextStudy(
        model.curves(LENGTHS, times),
        model.curves(LENGTHS, times, mu=[0.01], omega=[0.01]),
        Curves.concat(_sampled(dimension, length, noise, contexts, seeds) for length in LENGTHS),
        pd.DataFrame(rows),
    )


def values(dimension: int, length: int, noise: float = 0.0) -> dict[str, float]:
    """What training tends to.

    Args:
        dimension: d.
        length: L.
        noise: s².
    """
    model = InContextRegression(dimension, length, noise)
    one, debiased = model.single_head(), model.debiased()
    return {
        "dimension": dimension,
        "length": length,
        "noise": noise,
        "single_head_omega": one.omega,
        "single_head_mu": one.mu,
        "single_head_risk": one.risk,
        "infimum": model.infimum(),
        "debiased_risk": debiased.risk,
        "debiased_step": debiased.step,
    }


def _sampled(dimension: int, length: int, noise: float, contexts: int, seeds: int) -> Curves:
    model = InContextRegression(dimension, length, noise)
    found = model.flow(TIMES)
    runs, risks = [], np.empty((seeds, len(TIMES)))
    for seed in range(seeds):
        settings = model.settings() | {"heads": 2, "training": "Monte Carlo", "contexts": contexts}
        runs.append(run_of(length, seed, settings))
        for index, (mu, omega) in enumerate(zip(found.mu, found.omega, strict=True)):
            risks[seed, index] = sample_risk(model, mu, omega, contexts, 1000 * seed + index).mean
    norms = np.tile(np.log(found.norm), (seeds, 1))
    columns = {"log_frobenius": norms, "time": np.tile(TIMES, (seeds, 1)), "test_loss": risks}
    return as_curves(runs, columns, list(range(1, len(TIMES) + 1)))
