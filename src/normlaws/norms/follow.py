"""Largest eigenvalue of AᵀA from the eigenpairs of a nearby operator: the warm iteration.

The start space holds the leading vectors of the last call and the direction in which the first of
them last turned, so that a steady drift of the weights is extrapolated. It grows by residuals until
the bounds of :mod:`normlaws.norms.krylov` are met. Only half products are taken: with z = Ax known
for every basis vector, T = ZᵀZ needs no other, and the residual one back product, at the Ritz
vector alone. Arrays carry a leading axis of independent problems.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from normlaws.norms.halves import Halves
from normlaws.norms.krylov import Kept, Mask, Ritz, Vectors, inner, length, lift, magnitude

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
        tolerance: wanted relative error of the singular values.
        trust: first-order bound above which the second-order one is not believed.
        give_up_above: relative residual of the start space that tells a jump; such problems are
            left alone.
        safe: range of the sum of the start's squares; beyond it float32 loses digits, and the
            problem is left alone too.
    """

    tolerance: float
    trust: float
    give_up_above: float
    safe: tuple[float, float]


def follow(halves: Halves, kept: Kept, noise: NDArray[np.floating], goal: Goal) -> Ritz:
    """Refine the kept pairs until every √λ_max is known to the wanted relative error.

    Args:
        halves: the operator and its adjoint.
        kept: what an earlier call returned.
        noise: (problems, m), of unit variance; a little of it enters the start space, so that
            eigenvectors that no kept pair sees are taken up as they grow.
        goal: when to stop.
    """
    space = _Space(halves, _start(kept, noise))
    safe = space.blank_outside(goal.safe)
    space.look(safe)
    first = np.where(safe, space.residual_norm / space.top, np.inf)
    pursued = first <= goal.give_up_above
    steps = np.zeros(len(noise), dtype=np.int64)
    open_ = pursued & space.unfinished(pursued, goal)
    while open_.any() and steps.max() < _MOST:
        space.grow(open_)
        space.look(open_)
        steps += open_
        open_ = open_ & space.unfinished(open_, goal)
    return Ritz(
        space.theta,
        space.bound,
        first,
        space.kept(kept),
        steps,
    )


def _start(kept: Kept, noise: NDArray[np.floating]) -> Vectors:
    """Kept vectors and, orthogonal to them, the drift with some noise: (problems, count + 1, m)."""
    share = _PROBE / noise.shape[1] ** 0.5
    drift = (kept.drift + share * noise).astype(kept.vectors.dtype)[:, None]
    return np.concatenate([kept.vectors, _orthogonal(drift, kept.vectors)], axis=1)


def _orthogonal(vector: Vectors, basis: Vectors) -> Vectors:
    """(problems, 1, m), a unit vector orthogonal to (problems, j, m)."""
    for _ in range(2):  # twice is enough
        vector = vector / length(vector)
        vector = vector - np.matmul(np.matmul(vector, basis.swapaxes(1, 2)), basis)
    return vector / length(vector)


class _Space:
    """Basis Q, its image Z = QA, T = ZZᵀ, and the leading Ritz pair of every problem."""

    def __init__(self, halves: Halves, start: Vectors) -> None:
        problems, count, m = start.shape
        everyone = np.ones(problems, dtype=bool)
        image = halves.forward(start, everyone)
        self.halves = halves
        self.q = np.empty((problems, _BASIS, m), start.dtype)
        self.z = np.empty((problems, _BASIS, image.shape[2]), start.dtype)
        self.q[:, :count], self.z[:, :count] = start, image
        self.size = count
        self.t = np.zeros((problems, _BASIS, _BASIS))
        self._project()
        self.residual = np.zeros((problems, m), start.dtype)
        self.residual_norm = np.zeros(problems)
        self.theta = np.zeros(problems)
        self.bound = np.zeros(problems)

    @property
    def top(self) -> NDArray[np.float64]:
        """Largest Ritz values; 1 for zeros, to divide by."""
        return np.where(self.theta > 0, self.theta, 1.0)

    def blank_outside(self, safe: tuple[float, float]) -> Mask:
        """Which problems have images of a safe size; the others, NaN among them, become zeros."""
        squares = np.trace(self.t, axis1=1, axis2=2)
        inside = (squares > safe[0]) & (squares < safe[1])
        if not inside.all():
            self.t[~inside] = 0
            self.z[~inside] = 0
        return inside

    def look(self, wanted: Mask) -> None:
        """Ritz values, and residual of the first pair; the problems not wanted stay as they are."""
        j = self.size
        self.values, self.s = np.linalg.eigh(self.t[:, :j, :j])
        residual, theta = self._pair(-1, wanted)
        if wanted.all():
            self.residual, self.theta = residual, theta
        else:
            self.residual[wanted], self.theta[wanted] = residual[wanted], theta[wanted]
        self.residual_norm = magnitude(self.residual)

    def unfinished(self, wanted: Mask, goal: Goal) -> Mask:
        """Which of the problems are to go on; sets their bounds."""
        first = self.residual_norm / (2 * self.top)
        gap = self.theta - self.values[:, -2]
        rounding = 8 * float(np.finfo(self.q.dtype).eps)
        aim = 2 * self.top * goal.tolerance / _MARGIN
        squares = self.residual_norm**2
        lifts = np.where(gap > 0, squares / np.where(gap > 0, gap, 1.0), np.inf)
        delta = self.theta - self.values[:, -3]
        near = wanted & (first <= goal.trust) & (lifts > aim) & (squares <= aim * delta)
        near &= first > goal.tolerance
        if near.any():  # two close neighbours: the residual of the second decides
            both = lift(gap, self.residual, self._pair(-2, near)[0], delta)
            lifts = np.where(near, np.minimum(lifts, both), lifts)
        bound = np.minimum(first, lifts / (2 * self.top))
        self.bound = np.where(wanted, bound, self.bound) if not wanted.all() else bound
        done = (first <= goal.tolerance) | ((lifts <= aim) & (first <= goal.trust))
        return ~done & (self.residual_norm > rounding * self.top)

    def grow(self, wanted: Mask) -> None:
        """Append the residual, made orthogonal, and its image; zeros where not wanted."""
        if self.size == _BASIS:
            self._restart()
        j = self.size
        vector = _orthogonal(self.residual[:, None], self.q[:, :j])
        vector[~wanted] = 0
        self.q[:, j : j + 1] = vector
        self.z[:, j : j + 1] = self.halves.forward(vector, wanted)
        self.size += 1
        column = np.matmul(self.z[:, j : j + 1], self.z[:, : j + 1].swapaxes(1, 2))[:, 0]
        self.t[:, j, : j + 1] = self.t[:, : j + 1, j] = column

    def kept(self, before: Kept) -> Kept:
        """The leading pairs, and where the first has turned to."""
        count = before.vectors.shape[1]
        vectors = self._combined(self.q, self.s[:, :, : -count - 1 : -1])
        old = before.vectors[:, 0]
        turn = vectors[:, 0] - inner(vectors[:, 0], old)[:, None].astype(old.dtype) * old
        size = magnitude(turn)[:, None]
        drift = np.where(size > _STILL, turn / np.maximum(size, _STILL), 0).astype(old.dtype)
        return Kept(vectors, self.values[:, : -count - 1 : -1].copy(), drift)

    def _pair(self, index: int, wanted: Mask) -> tuple[Vectors, NDArray[np.float64]]:
        """Residual of a Ritz vector x, and its Rayleigh quotient with sums in float64."""
        weights = self.s[:, :, index, None]
        x, z = self._combined(self.q, weights), self._combined(self.z, weights)
        wide, x64 = z[:, 0].astype(np.float64), x[:, 0].astype(np.float64)
        squares = np.matmul(x64[:, None], x64[:, :, None])[:, 0, 0]
        theta = np.matmul(wide[:, None], wide[:, :, None])[:, 0, 0]
        theta = theta / np.where(squares > 0, squares, 1.0)
        image = self.halves.adjoint(z, wanted)[:, 0]
        return image - theta[:, None].astype(x.dtype) * x[:, 0], theta

    def _combined(self, basis: Vectors, weights: NDArray) -> Vectors:
        return np.matmul(weights.swapaxes(1, 2).astype(basis.dtype), basis[:, : weights.shape[1]])

    def _project(self) -> None:
        j = self.size
        self.t[:, :j, :j] = np.matmul(self.z[:, :j], self.z[:, :j].swapaxes(1, 2))

    def _restart(self) -> None:
        weights = self.s[:, :, -_RESTART:]
        self.q[:, :_RESTART] = self._combined(self.q, weights)
        self.z[:, :_RESTART] = self._combined(self.z, weights)
        self.size = _RESTART
        self.t[:] = 0
        self._project()
