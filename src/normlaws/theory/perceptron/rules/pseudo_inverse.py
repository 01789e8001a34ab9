"""The pseudo-inverse rule: least squares on the labels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from normlaws.arrays import Floats
from normlaws.theory.perceptron.rules._rule import Trainable


class PseudoInverse(Trainable):
    """Least squares, of least norm for α < 1; Opper et al. 1990, Engel & Van den Broeck §3.2.

    At α = 1 the inverse blows up and ε = 1/2: double descent.
    """

    name: ClassVar[str] = "pseudo-inverse"

    def log_tangent(self, alpha: Floats) -> Floats:
        """ρ² = α m²(1 − α)/(1 − α m²) below α = 1, m²(α − 1)/(1 + (α − 2)m²) above."""
        square = self.m**2
        with np.errstate(divide="ignore"):
            below = (1 - 2 * alpha * square + alpha**2 * square) / (alpha * square * (1 - alpha))
            above = (1 - square) / (square * (alpha - 1))
            return 0.5 * np.log(np.where(alpha < 1, np.abs(below), np.abs(above)))

    def fit(self, inputs: Floats, labels: Floats) -> Floats:
        """The Moore–Penrose solution."""
        return np.asarray(np.linalg.lstsq(inputs, labels, rcond=None)[0], dtype=float)
