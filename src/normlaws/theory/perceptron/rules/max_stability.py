"""Maximum stability: the student whose smallest margin is largest."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.optimize import nnls
from scipy.special import ndtr

from normlaws.arrays import Floats
from normlaws.errors import InputError
from normlaws.theory.perceptron._quadrature import ROOT_2PI
from normlaws.theory.perceptron._roots import bracketed_roots
from normlaws.theory.perceptron.rules._rule import Trainable

REACH = 9.0  # standard deviations
NODES, WEIGHTS = leggauss(80)


class MaximumStability(Trainable):
    """Hard-margin support vectors, the limit of large norm; Opper et al. 1990. ε → 0.5005/α.

    With label noise, ``NaN`` from the α on at which the examples can no longer be separated.
    """

    name: ClassVar[str] = "max-stability"

    def log_tangent(self, alpha: Floats) -> Floats:
        """In k = κ/sin θ one equation is explicit, cot θ = α m (kΦ(k) + φ(k)); solve the other."""
        k = np.exp(bracketed_roots(lambda k: self._excess(np.exp(k), alpha), *_ends(alpha)))
        return -np.log(alpha * self.m * _mean_gap(k))

    def _excess(self, k: Floats, alpha: Floats) -> Floats:
        """Ln of α E[(κ − t)₊²]/sin²θ, zero at the solution."""
        cot = alpha * self.m * _mean_gap(k)
        sine, cosine = (1 / np.hypot(1, cot))[:, None], (cot / np.hypot(1, cot))[:, None]
        top = np.minimum(k * sine[:, 0], REACH) / sine[:, 0]
        low = -REACH if self.flip_probability == 0 else -REACH / sine[:, 0]
        half = 0.5 * (top - low)
        z = (0.5 * (top + low))[:, None] + half[:, None] * NODES  # t / sin θ
        keep = self.flip_probability + (1 - 2 * self.flip_probability) * ndtr(cosine * z)
        weight = half[:, None] * WEIGHTS * np.exp(-0.5 * (sine * z) ** 2) * keep
        moment = (weight * (k[:, None] - z) ** 2).sum(axis=1) * 2 / ROOT_2PI
        found: Floats = np.log(alpha * sine[:, 0] * moment)
        return found

    def fit(self, inputs: Floats, labels: Floats) -> Floats:
        """The shortest w with y w·x ≥ 1, as non-negative least squares (Lawson & Hanson, ch. 23).

        Raises:
            InputError: no student separates the examples.
        """
        examples = inputs * labels[:, None]
        system = np.vstack([examples.T, np.ones(len(labels))])
        target = np.append(np.zeros(inputs.shape[1]), 1.0)
        dual, _ = nnls(system, target, maxiter=30 * len(labels))
        residual = target - system @ dual
        weights = -residual[:-1] / residual[-1]
        if not np.min(examples @ weights) > 0:
            raise InputError(
                "expected examples that some student separates, but none does; "
                "accepted are noise-free labels, or fewer examples"
            )
        found: Floats = weights
        return found


class AdaTron(MaximumStability):
    """Anlauf & Biehl 1989: coordinate ascent on the embedding strengths of maximum stability."""

    name: ClassVar[str] = "adatron"
    sweeps: ClassVar[int] = 20_000
    tolerance: ClassVar[float] = 1e-7

    def fit(self, inputs: Floats, labels: Floats) -> Floats:
        """Raise each strength by its missing margin, never below zero, until none is missing.

        Raises:
            InputError: the strengths have not settled after 20 000 sweeps.
        """
        examples = inputs * labels[:, None]
        squares = np.einsum("pn,pn->p", examples, examples)
        strengths, weights = np.zeros(len(labels)), np.zeros(inputs.shape[1])
        for _ in range(self.sweeps):
            largest = 0.0
            for index, example in enumerate(examples):
                wanted = strengths[index] + (1 - example @ weights) / squares[index]
                change = max(wanted, 0.0) - strengths[index]
                strengths[index] += change
                weights += change * example
                largest = max(largest, abs(change) * squares[index])
            if largest < self.tolerance:
                return weights
        raise InputError(
            f"expected AdaTron to settle in {self.sweeps} sweeps, but its margins still move by "
            f"{largest:.1g}; accepted are examples that some student separates"
        )


def _mean_gap(k: Floats) -> Floats:
    """E_z[(k − z)₊] = kΦ(k) + φ(k)."""
    found: Floats = k * ndtr(k) + np.exp(-0.5 * k**2) / ROOT_2PI
    return found


def _ends(alpha: Floats) -> tuple[Floats, Floats]:
    """Ends for ln k; at small α, κ = α^−1/2."""
    return np.full(alpha.shape, -20.0), np.log(10 + 10 / np.sqrt(alpha))
