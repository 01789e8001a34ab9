"""The inverse Laplace transform as a sum over a dozen points of a contour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Complex, Floats

POINTS = 24  # 16 give 2e-9, 20 give 1e-11, more than 24 lose to rounding


@dataclass(frozen=True)
class Contour:
    """The cotangent contour s = ζ/t around the negative real axis, its upper half.

    A real f(t) with transform F(s) is 2 Re Σ weight F(ζ/t)/t (Trefethen, Weideman, Schmelzer,
    BIT 46 (2006) 653).

    Attributes:
        place: ζ = s t at the nodes.
        weight: e^ζ ζ′(θ)/(i n).
    """

    place: Complex
    weight: Complex


def cotangent(points: int = POINTS) -> Contour:
    """The contour of ``points`` nodes, half of which are kept."""
    theta = (2 * np.arange(points // 2) + 1) * np.pi / points
    c = 0.6407
    cot = 1 / np.tan(c * theta)
    place = points * (0.5017 * theta * cot - 0.6122 + 0.2645j * theta)
    slope = points * (0.5017 * (cot - c * theta / np.sin(c * theta) ** 2) + 0.2645j)
    return Contour(place, np.exp(place) * slope / (1j * points))


@dataclass(frozen=True)
class Nodes:
    """The contour in z, for flow or for gradient descent with a finite learning rate.

    With rate η a step multiplies by 1 + η z, so z = (e^{η s} − 1)/η takes the place of s and
    t = η n that of the time.

    Attributes:
        contour: in s t.
        learning_rate: η; 0 is flow.
    """

    contour: Contour
    learning_rate: float = 0.0

    def __call__(self, times: Floats) -> Complex:
        """z at the nodes, from times (T,) to (T, nodes)."""
        s: Complex = self.contour.place / times[:, None]
        if not self.learning_rate:
            return s
        grown: Complex = np.expm1(self.learning_rate * s)
        return grown / self.learning_rate

    def weights(self, times: Floats, z: Complex) -> Complex:
        """Weights c with f(t) = 2 Re Σ c z F(z), (T, nodes)."""
        jacobian = 1 + self.learning_rate * z
        return self.contour.weight * jacobian / (times[:, None] * z)
