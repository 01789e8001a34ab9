"""Linear units: the error of every block solves a diagonal system and one rank-one term."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Complex, Floats
from normlaws.theory._contour import cotangent
from normlaws.theory._modes import Modes

ROUNDING = 4e-16  # per term of a sum over the contour
RELATIVE = 1e-8  # what a loss must be good for


@dataclass(frozen=True)
class LinearStart:
    """Products at α = 0 of students J, sum s = c ΣJ, and target t = ΣB/√M; per input.

    Attributes:
        students: J·J, (K, K).
        teachers: J·B, (K, M).
        scale: c.
    """

    students: Floats
    teachers: Floats
    scale: float

    @property
    def missing_students(self) -> Floats:
        """(t − s)·J, (K,)."""
        m = self.teachers.shape[1]
        found: Floats = self.teachers.sum(axis=1) / np.sqrt(m) - self.scale * self.students.sum(
            axis=1
        )
        return found

    @property
    def missing_teachers(self) -> Floats:
        """(t − s)·B, (M,)."""
        m = self.teachers.shape[1]
        found: Floats = 1 / np.sqrt(m) - self.scale * self.teachers.sum(axis=0)
        return found

    @property
    def missing(self) -> float:
        """|t − s|²."""
        m = self.teachers.shape[1]
        return float(
            self.missing_teachers.sum() / np.sqrt(m) - self.scale * self.missing_students.sum()
        )


@dataclass(frozen=True)
class LinearPath:
    """Values at every α (T,): loss with its rounding error, R (T, K, M), Q and Q⁰ (T, K, K)."""

    loss: Floats
    error: Floats
    overlaps: Floats
    fields: Floats
    weights: Floats


def linear_path(modes: Modes, rate: float, start: LinearStart, alphas: Floats) -> LinearPath:
    """Solve exactly at any α.

    Block errors obey ė = −2 η Λ e + η² n λ (λ·e) with the effective rate η; the sums λ·e, λ²·e and
    Σ e have Laplace transforms in closed form.

    Args:
        modes: relative eigenvalues λ_l (any scale; their mean becomes 1).
        rate: η_eff = η M/K, below 2.
        start: order parameters at α = 0.
        alphas: α ≥ 0.
    """
    count = modes.count
    variance = modes.variance * count / modes.total_variance
    share = modes.weight / count
    errors, rounding = _errors(variance, share, rate, start.missing, alphas)
    decayed = -np.expm1(-rate * alphas[:, None] * variance)
    first = [decayed @ (share * weight) for weight in (np.ones_like(variance), variance)]
    m = start.teachers.shape[1]
    moved = start.missing_students / np.sqrt(m)
    both = moved[:, None] + moved
    # |Δ|² of the common change, over weights and over fields
    grown = [(errors[i] + start.missing * (2 * first[i] - 1)) / m for i in (0, 1)]
    overlaps = start.teachers + first[1][:, None, None] * start.missing_teachers / np.sqrt(m)
    weights, fields = (
        start.students + first[i][:, None, None] * both + grown[i][:, None, None] for i in (0, 1)
    )
    return LinearPath(0.5 * errors[1], rounding, overlaps, fields, weights)


def _errors(
    variance: Floats, share: Floats, rate: float, missing: float, alphas: Floats
) -> tuple[tuple[Floats, Floats], Floats]:
    """Σ e and λ·e at every α, and the rounding error of λ·e/2."""
    contour = cotangent()
    plain, loss = np.full(len(alphas), missing), np.full(len(alphas), missing)
    rounding = ROUNDING * loss
    for index in np.flatnonzero(alphas > 0):
        z = contour.place / alphas[index]
        green = 1 / (z[:, None] + 2 * rate * variance)
        zeroth, first, second = (green @ (share * variance**power) for power in range(3))
        weighted: Complex = missing * first / (1 - rate**2 * second)
        total = missing * zeroth + rate**2 * first * weighted
        terms = contour.weight / alphas[index]
        loss[index] = 2 * np.sum(terms * weighted).real
        plain[index] = 2 * np.sum(terms * total).real
        rounding[index] = ROUNDING * np.sum(np.abs(terms * weighted))
    return (plain, loss), rounding
