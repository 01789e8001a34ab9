"""Bayes' student: the majority of the posterior."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.special import ndtr

from normlaws.arrays import Floats
from normlaws.theory.perceptron._quadrature import ROOT_2PI
from normlaws.theory.perceptron._roots import bracketed_roots
from normlaws.theory.perceptron.rules._rule import Rule

REACH = 9.0
COUNT = 128


class Bayes(Rule):
    """The best that any rule can do, knowing η; Opper & Haussler 1991. ε → 0.4417/α."""

    name: ClassVar[str] = "bayes"

    def log_tangent(self, alpha: Floats) -> Floats:
        """The majority's overlap is √q: tan θ = √((1 − q)/q) = 1/κ."""
        return -self._log_kappa(alpha)

    def _log_kappa(self, alpha: Floats) -> Floats:
        """Log of κ, κ² = q/(1 − q); q is the overlap of two draws, and of one with the teacher."""
        high = np.log(10 + 10 * alpha)
        return bracketed_roots(lambda x: self._excess(np.exp(x), alpha), high - 50, high)

    def _excess(self, kappa: Floats, alpha: Floats) -> Floats:
        """Log of κ²/(1 + κ²) over 2α(1 − 2η)² ∫Dz φ(κz)²/(η + (1 − 2η)Φ(κz))."""
        scale = np.minimum(kappa, 1.0)[:, None]
        grid = np.linspace(-REACH, REACH, COUNT)
        u = scale * grid  # κz
        flip = self.flip_probability
        density = np.exp(-0.5 * (u / kappa[:, None]) ** 2 - u**2) / ROOT_2PI**3
        mass = density / (flip + (1 - 2 * flip) * ndtr(u)) * scale / kappa[:, None]
        information = 2 * (1 - 2 * flip) ** 2 * mass.sum(axis=1) * (grid[1] - grid[0])
        found: Floats = np.log(kappa**2 / (1 + kappa**2) / (alpha * information))
        return found
