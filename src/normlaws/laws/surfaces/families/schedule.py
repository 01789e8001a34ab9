"""Loss along any learning-rate schedule (the momentum law, Tissue et al. 2024, arXiv 2408.11029).

L = L0 + A S1^(−α) − C S2, where S1 = Σ η is the area under the schedule and S2 the annealing area:
the sum of exponentially weighted decreases of η. Both are variables here, made from a schedule by
:func:`areas`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from normlaws.arrays import Floats
from normlaws.laws.surfaces.family import Family, Variables

MEMORY = 0.999  # λ, of the exponential weights


class Schedule(Family):
    """Areas S1 and S2 of the schedule up to a step."""

    name = "schedule"
    variables = ("area", "annealing")
    constants = ("L0", "A", "C", "alpha")
    logged = ("L0", "A", "C")
    floor = "L0"

    def log_loss(self, theta: NDArray[Any], variables: Variables) -> NDArray[Any]:
        """See the module."""
        floor, a, c, alpha = (theta[:, i, None] for i in range(4))
        fall = np.exp(a - alpha * np.log(variables["area"]))
        return np.asarray(np.log(np.exp(floor) + fall - np.exp(c) * variables["annealing"]))

    def starts(self, variables: Variables, loss: Floats) -> Floats:
        """Linear fits of L0, A and C for a few exponents."""
        logs, found = np.log(variables["area"]), []
        for alpha in (0.1, 0.3, 0.5, 0.8, 1.2):
            basis = np.exp(-alpha * (logs - logs.mean()))
            design = np.stack([np.ones_like(loss), basis, -variables["annealing"]], axis=1)
            linear = nnls(design / loss[:, None], np.ones_like(loss))[0]
            floor, a, c = np.log(np.maximum(linear, 1e-4 * loss.mean()))
            found.append([floor, a + alpha * logs.mean(), c, alpha])
        return np.array(found)

    def planted(self) -> dict[str, float]:
        """Constants like those of small language models."""
        return {"L0": 2.6, "A": 0.6, "C": 0.4, "alpha": 0.45}

    def planted_variables(self) -> dict[str, Floats]:
        """A constant and a decaying schedule."""
        steps = np.arange(8000)
        constant, cosine = np.full(8000, 1e-3), 5e-4 * (1 + np.cos(np.pi * steps / 8000))
        parts = [areas(rate)[:, 400::200] for rate in (constant, cosine)]
        area, annealing = np.concatenate(parts, axis=1)
        return {"area": area, "annealing": annealing}


def areas(rates: ArrayLike, memory: float = MEMORY) -> Floats:
    """S1 and S2 after every step of a schedule. (2, steps).

    S2(s) = Σ_{i ≤ s} Σ_{k ≤ i} (η_{k−1} − η_k) λ^{i−k}, equation 1 of the paper.

    Args:
        rates: (steps,) the learning rate of every step.
        memory: λ.
    """
    from scipy.signal import lfilter

    rate = np.asarray(rates, dtype=float)
    falls = -np.diff(rate, prepend=rate[:1])
    weighted = lfilter([1.0], [1.0, -memory], falls)
    return np.stack([np.cumsum(rate), np.cumsum(weighted)])
