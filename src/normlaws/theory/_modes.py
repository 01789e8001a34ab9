"""Sums over the modes of a power-law spectrum, never term by term."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Floats

EXACT = 60  # modes summed one by one
NODES = 12  # of Gauss and Legendre in every panel of ln k
THIRD = 17 / 5760  # weight of the third difference at an end
PANEL = 1.5  # length of a panel times the exponent of the spectrum, at most one unit


@dataclass(frozen=True)
class Modes:
    """Nodes and weights with Σ_k f(k) ≈ Σ weight f(k), for k = 1 … M.

    The first 60 modes are taken as they are. Beyond, the sum is the integral between half-integer
    ends, by Gauss–Legendre panels in ln k, with the first two terms of the midpoint rule's
    Euler–Maclaurin series at both ends, as differences: −Δf/24 + 17 Δ³f/5760.

    Attributes:
        variance: λ_k = k^−b at the nodes.
        power: p_k = λ_k w*_k² = k^−a at the nodes.
        weight: of every node; some of the corrections are negative.
        count: M.
    """

    variance: Floats
    power: Floats
    weight: Floats
    count: int

    @property
    def total_power(self) -> float:
        """Σ p_k: the test loss before training."""
        return float(self.weight @ self.power)

    @property
    def total_variance(self) -> float:
        """Σ λ_k."""
        return float(self.weight @ self.variance)


def power_law(target_exponent: float, spectrum_exponent: float, count: int) -> Modes:
    """The modes 1 … ``count`` of λ_k = k^−b and p_k = k^−a."""
    k, weight = _nodes(count, spectrum_exponent)
    return Modes(k**-spectrum_exponent, k**-target_exponent, weight, count)


def _nodes(count: int, exponent: float) -> tuple[Floats, Floats]:
    first = np.arange(1.0, min(count, EXACT) + 1)
    if count <= 2 * EXACT:
        every = np.arange(1.0, count + 1)
        return every, np.ones_like(every)
    low, high = np.log(EXACT + 0.5), np.log(count + 0.5)
    panels = int(np.ceil((high - low) / min(1.0, PANEL / exponent)))
    at, weight = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(low, high, panels + 1)
    half = 0.5 * np.diff(edges)[:, None]
    x = (0.5 * (edges[1:] + edges[:-1])[:, None] + half * at).ravel()
    inner = np.exp(x)
    around = np.arange(-1.0, 3.0)
    ends = np.concatenate([EXACT + around, count + around])
    first_terms = np.array([0.0, 1.0, -1.0, 0.0]) / 24 + np.array([-1.0, 3.0, -3.0, 1.0]) * THIRD
    corrections = np.concatenate([-first_terms, first_terms])
    return (
        np.concatenate([first, inner, ends]),
        np.concatenate([np.ones_like(first), (half * weight).ravel() * inner, corrections]),
    )
