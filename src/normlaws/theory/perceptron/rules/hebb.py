"""Hebb's rule: the sum of the examples, each turned to its label."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from normlaws.arrays import Floats
from normlaws.theory.perceptron.rules._rule import Trainable


class Hebb(Trainable):
    """w = Σ y x, the limit of small norm; Vallet 1989. ε → 1/√(2πα)."""

    name: ClassVar[str] = "hebb"

    def log_tangent(self, alpha: Floats) -> Floats:
        """Signal α m against noise √α: cot θ = m √α."""
        return -np.log(self.m * np.sqrt(alpha))

    def fit(self, inputs: Floats, labels: Floats) -> Floats:
        """Σ y x."""
        return labels @ inputs
