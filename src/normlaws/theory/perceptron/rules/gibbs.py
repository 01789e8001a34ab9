"""Gibbs' student: one draw from the posterior."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from normlaws.arrays import Floats
from normlaws.theory.perceptron.rules.bayes import Bayes


class Gibbs(Bayes):
    """A student drawn from the posterior, knowing η; Györgyi & Tishby 1990. ε → 0.6246/α."""

    name: ClassVar[str] = "gibbs"

    def log_tangent(self, alpha: Floats) -> Floats:
        """Cos θ = q = κ²/(1 + κ²), so tan θ = √(1 + 2κ²)/κ²."""
        log_kappa = self._log_kappa(alpha)
        found: Floats = 0.5 * np.log1p(2 * np.exp(2 * log_kappa)) - 2 * log_kappa
        return found
