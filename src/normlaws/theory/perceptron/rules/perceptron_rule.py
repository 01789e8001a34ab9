"""The perceptron rule, online: every example is seen once and used where it is misclassified."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.integrate import solve_ivp

from normlaws.arrays import Floats
from normlaws.theory.perceptron._quadrature import ROOT_2PI
from normlaws.theory.perceptron.rules._rule import Trainable

START = 1e-8  # α at which the student is still a random walk


class PerceptronRule(Trainable):
    """Rosenblatt's rule from zero, one pass; Biehl & Riegler 1994. ε → (2/3)^⅓/π · α^−⅓."""

    name: ClassVar[str] = "perceptron"

    def log_tangent(self, alpha: Floats) -> Floats:
        """Integrate r = w·teacher and p = ‖w⊥‖² over ln α; ln tan θ = ln p/2 − ln r."""
        first = min(START, float(alpha.min()))
        times, back = np.unique(np.log(alpha / first), return_inverse=True)
        path = solve_ivp(
            self._velocity,
            (0.0, max(float(times[-1]), 1e-3)),
            (first * self.m / 2, first / 2),
            method="LSODA",  # relaxation gets faster than drift at large α
            t_eval=times,
            args=(first,),
            rtol=1e-10,
            atol=1e-300,
        )
        found: Floats = (0.5 * np.log(path.y[1]) - np.log(path.y[0]))[back]
        return found

    def _velocity(self, time: float, state: Floats, first: float) -> Floats:
        r, p = state
        length = np.hypot(r, np.sqrt(p))
        bias = 1 - 2 * self.flip_probability
        miss = np.arctan2(np.sqrt(p), r) / np.pi
        mistakes = self.flip_probability + bias * miss
        toward = (bias - r / length) / ROOT_2PI
        growth = -2 * (length - bias * r) / ROOT_2PI + mistakes
        found: Floats = first * np.exp(time) * np.array([toward, growth - 2 * r * toward])
        return found

    def fit(self, inputs: Floats, labels: Floats) -> Floats:
        """One pass in the order given; a field of zero counts as a mistake."""
        weights = np.zeros(inputs.shape[1])
        for example, label in zip(inputs, labels, strict=True):
            if label * (example @ weights) <= 0:
                weights += label * example
        return weights
