"""Largest eigenvalue of A Aᵀ from the eigenpairs of a nearby operator: the warm iteration.

The start space holds the leading vectors of the last call and the direction in which the first of
them last turned, so that a steady drift of the weights is extrapolated. It grows by residuals until
the bounds of :mod:`normlaws.norms.krylov` are met. Only half products are taken: with z = Aᵀx known
for every basis vector, T = ZZᵀ needs no other, and the residual one back product, at the Ritz
vector alone.

One operator at a time, and scalars are Python's: matrices of a network are small enough that calls
cost as much as arithmetic, and all products after the first find the matrix in the cache.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dsyevd

from normlaws.norms.halves import Halves
from normlaws.norms.krylov import lift

Vector = NDArray[np.floating]  # (m,)
Basis = NDArray[np.floating]  # (vectors, m)

_MARGIN = 2  # by which the second-order bound stays below what is asked for
_PROBE = 0.03  # share of fresh noise in the direction of drift
_BASIS = 24
_RESTART = 8
_MOST = 300
_STILL = 1e-6  # turn of the first vector below which its direction is noise


@dataclass(frozen=True)
class Goal:
    """When to stop.

    Attributes:
        tolerance: wanted relative error of the singular value.
        trust: first-order bound above which the second-order one is not believed.
        give_up_above: relative residual of the start space that tells a jump.
        safe: range of the sum of the start's squares, beyond which float32 loses digits.
    """

    tolerance: float
    trust: float
    give_up_above: float
    safe: tuple[float, float]


class Followed(NamedTuple):
    """What was reached.

    Attributes:
        value: λ_max, from below.
        bound: on the relative error of its root.
        vectors: leading Ritz vectors, largest first, as many as were given.
        values: their Ritz values.
        drift: where the first of them has turned to, a unit vector or zeros.
    """

    value: float
    bound: float
    vectors: Basis
    values: NDArray[np.float64]
    drift: Vector


def follow(
    halves: Halves, vectors: Basis, drift: Vector, noise: Vector, goal: Goal
) -> Followed | None:
    """Refine kept vectors until √λ_max is known to the wanted relative error.

    Args:
        halves: the operator and its adjoint.
        vectors: leading vectors of an earlier call, orthonormal, (count, m).
        drift: what that call returned.
        noise: of unit variance; a little of it enters the start space, so that eigenvectors that
            no kept vector sees are taken up as they grow.
        goal: when to stop.

    Returns:
        None for a jump: the operator is not near the earlier one, or its numbers are unsafe.
    """
    extra = (drift + (_PROBE / len(noise) ** 0.5) * noise).astype(vectors.dtype)
    extra = _orthogonal(_orthogonal(extra, vectors), vectors)  # twice is enough
    space = _Space(halves, np.concatenate([vectors, extra[None]]))
    if not goal.safe[0] < space.squares < goal.safe[1]:  # NaN among them
        return None
    space.look()
    if space.residual_norm > goal.give_up_above * space.theta:
        return None
    for _ in range(_MOST):
        if space.finished(goal):
            break
        space.grow()
        space.look()
    return space.followed(vectors)


def _orthogonal(vector: Vector, basis: Basis) -> Vector:
    """A unit vector along the part of a vector that is orthogonal to the rows of ``basis``."""
    rest = vector - basis.dot(vector).dot(basis)
    return rest / (math.sqrt(rest.dot(rest)) or 1.0)


class _Space:
    """Basis Q, its image Z = QA, T = ZZᵀ, and the leading Ritz pair."""

    def __init__(self, halves: Halves, start: Basis) -> None:
        count, m = start.shape
        image = halves.forward(start)
        self.halves = halves
        self.q = np.empty((_BASIS, m), start.dtype)
        self.z = np.empty((_BASIS, image.shape[1]), start.dtype)
        self.q[:count], self.z[:count] = start, image
        self.size = count
        self.t = np.empty((_BASIS, _BASIS))
        self._project()
        self.squares = float(self.t[:count, :count].diagonal().sum())
        self.rounding = 8 * float(np.finfo(start.dtype).eps)
        self.bound = math.inf

    def look(self) -> None:
        """Ritz values, and the residual of the first pair."""
        self.values, self.s, _ = dsyevd(self.t[: self.size, : self.size])
        self.theta, self.residual = self._pair(-1)
        self.residual_square = float(self.residual.dot(self.residual))
        self.residual_norm = math.sqrt(self.residual_square)

    def finished(self, goal: Goal) -> bool:
        """Whether the goal is met, or rounding reached; sets the bound."""
        first = self.residual_norm / (2 * self.theta)
        lifts = self._lifts(first, goal)
        self.bound = min(first, lifts / (2 * self.theta))
        trusted = first <= goal.trust and lifts <= self._aim(goal)
        met = first <= goal.tolerance or trusted
        return met or self.residual_norm <= self.rounding * self.theta

    def _aim(self, goal: Goal) -> float:
        return 2 * self.theta * goal.tolerance / _MARGIN

    def _lifts(self, first: float, goal: Goal) -> float:
        """By how much λ_max may exceed the Ritz value: the second-order bound."""
        gap = self.theta - float(self.values[-2])
        square, aim = self.residual_square, self._aim(goal)
        lifts = square / gap if gap > 0 else math.inf
        delta = self.theta - float(self.values[-3])
        near = goal.tolerance < first <= goal.trust and lifts > aim
        if near and square <= aim * delta:  # a close neighbour: its residual decides
            other = self._pair(-2)[1]
            products = square, float(self.residual.dot(other)), float(other.dot(other))
            lifts = min(lifts, float(lift(gap, *products, delta)))
        return lifts

    def grow(self) -> None:
        """Append the residual, which is orthogonal to the basis but for rounding, and its image."""
        if self.size == _BASIS:
            self._restart()
        j = self.size
        self.q[j] = _orthogonal(self.residual / self.residual_norm, self.q[:j])
        self.z[j] = self.halves.forward(self.q[j : j + 1])[0]
        self.size += 1
        self.t[j, : j + 1] = self.t[: j + 1, j] = self.z[: j + 1].dot(self.z[j])

    def followed(self, before: Basis) -> Followed:
        """The leading pairs, and where the first has turned to."""
        leading = slice(None, -len(before) - 1, -1)
        vectors = self._combined(self.q, self.s[:, leading].T)
        turn = vectors[0] - vectors[0].dot(before[0]) * before[0]
        size = math.sqrt(turn.dot(turn))
        drift = turn / size if size > _STILL else np.zeros_like(turn)
        values = self.values[leading].copy()
        return Followed(self._rayleigh(), self.bound, vectors, values, drift)

    def _rayleigh(self) -> float:
        """The largest value once more, with sums in float64."""
        top = self.s[:, -1]
        x, z = (self._combined(basis, top).astype(np.float64) for basis in (self.q, self.z))
        return float(z.dot(z)) / float(x.dot(x))

    def _pair(self, index: int) -> tuple[float, Vector]:
        """A Ritz value, and the residual of its vector."""
        weights = self.s[:, index]
        x, z = self._combined(self.q, weights), self._combined(self.z, weights)
        theta = float(z.dot(z))
        return theta, self.halves.adjoint(z[None])[0] - theta * x

    def _combined(self, basis: Basis, weights: NDArray[np.float64]) -> Basis:
        """(…, size) to (…, m)."""
        return weights.astype(basis.dtype).dot(basis[: self.size])

    def _project(self) -> None:
        j = self.size
        self.t[:j, :j] = self.z[:j].dot(self.z[:j].T)

    def _restart(self) -> None:
        weights = self.s[:, -_RESTART:].T
        self.q[:_RESTART] = self._combined(self.q, weights)
        self.z[:_RESTART] = self._combined(self.z, weights)
        self.size = _RESTART
        self._project()
