"""What a learning rule offers, whatever its equations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from normlaws.arrays import Floats
from normlaws.errors import InputError
from normlaws.theory._checks import flip_in_range, positive
from normlaws.theory.perceptron._quadrature import sine_and_cosine
from normlaws.theory.perceptron._saddle import noise_factor


@dataclass(frozen=True)
class Rule(ABC):
    """A way to choose a student from examples, solved for N → ∞ at α = P/N.

    Args:
        flip_probability: η, of the training labels, at least 0 and less than 1/2.

    Raises:
        InputError: the flip probability is out of range; by the methods, α is not positive.
    """

    name: ClassVar[str]
    flip_probability: float = 0.0

    def __post_init__(self) -> None:
        flip_in_range(self.flip_probability)

    @abstractmethod
    def log_tangent(self, alpha: Floats) -> Floats:
        """Ln tan θ at (points,) values of α, θ the angle to the teacher; NaN where undefined."""

    def generalization_error(self, alpha: ArrayLike) -> Floats:
        """ε = θ/π on fresh, noise-free examples."""
        return np.arctan(np.exp(self._evaluate(alpha))) / np.pi

    def overlap(self, alpha: ArrayLike) -> Floats:
        """ρ = cos θ."""
        return sine_and_cosine(self._evaluate(alpha))[1]

    @property
    def m(self) -> float:
        """√(2/π)(1 − 2η)."""
        return noise_factor(self.flip_probability)

    def _evaluate(self, alpha: ArrayLike) -> Floats:
        alphas = positive("alpha", alpha)
        return self.log_tangent(alphas.ravel()).reshape(alphas.shape)[()]


class Trainable(Rule):
    """A rule that is an algorithm."""

    @abstractmethod
    def fit(self, inputs: Floats, labels: Floats) -> Floats:
        """The student's weights (N,), of any norm, from inputs (P, N) and labels ±1 (P,)."""

    def train(self, inputs: ArrayLike, labels: ArrayLike) -> Floats:
        """Check shapes and labels, then :meth:`fit`.

        Raises:
            InputError: inputs are not (P, N), labels are not P values of ±1.
        """
        x, y = np.asarray(inputs, dtype=float), np.asarray(labels, dtype=float)
        if x.ndim != 2 or y.shape != x.shape[:1] or not np.all(np.abs(y) == 1):
            raise InputError(
                "expected inputs of shape (P, N) and P labels that are -1 or 1, "
                f"got inputs {x.shape} and labels {y.shape}"
            )
        return self.fit(x, y)
