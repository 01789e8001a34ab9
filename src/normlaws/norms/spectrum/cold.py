"""Largest eigenvalue of AᵀA by a subspace that grows by its residual, with a bound on the error.

From one start vector this is the Lanczos iteration; from several it is its block-started,
thick-restarted form (Wu & Simon 2000). All arrays carry a leading axis of independent groups (of a
grouped convolution, or layers of one shape). This is the cold start;
:mod:`normlaws.norms.spectrum.warm` continues from eigenpairs of a nearby operator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from normlaws.norms.operators.operator import Mask, Operator, Vectors
from normlaws.norms.spectrum.ritz import judged, lift, ritz

_MARGIN = 3  # by which the second-order bound stays below what is asked for
_RESTART = 8
_LOOK_AGAIN = 1.1  # growth of a basis between looks
_SLIGHT = 1e-3  # overlap whose removal leaves rounding alone
_NOTHING_NEW = 0.1  # overlap that a first removal leaves where the rest was rounding
_EXPLORE = 0.1  # share of the last start vector's image in the first direction of growth


@dataclass(frozen=True)
class Ritz:
    """What an iteration reached, for every group.

    Attributes:
        values: largest Ritz values, estimates of λ_max(AᵀA) from below, (groups,).
        errors: bounds on the relative errors of their square roots, (groups,).
        first_residuals: ‖Bx − θx‖/θ of the first start vectors, before refinement, (groups,).
        vectors: leading Ritz vectors, largest first, (groups, count, n).
        pairs: their Ritz values, (groups, count).
        captured: trace of the operator within the subspace, (groups,).
        residuals: ‖Bx − θx‖ of the largest Ritz values, (groups,).
        steps: how many vectors were added to the start vectors, (groups,).
    """

    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    first_residuals: NDArray[np.float64]
    vectors: Vectors
    pairs: NDArray[np.float64]
    captured: NDArray[np.float64]
    residuals: NDArray[np.float64]
    steps: NDArray[np.int64]


def top_ritz(
    operator: Operator,
    start: Vectors,
    tolerance: float,
    *,
    blocks: int = 0,
    keep: int = 4,
    most: int = 300,
    basis: int = 24,
    largest_only: bool = False,
    trust: float = 3e-5,
    width: int = 1,
) -> Ritz:
    """Refine ``start`` until every √λ_max is known to a relative error of ``tolerance``.

    Stops where the second-order bound is below a third of ``tolerance`` and the first-order one,
    which assumes nothing about the gap, below ``trust``.

    Args:
        operator: A.
        start: orthonormal start vectors (groups, vectors, inputs).
        tolerance: wanted relative error of the singular values.
        blocks: times that all start vectors advance together before the first look (a block
            Krylov space), which a cold start needs so as not to miss the leading direction.
        keep: number of leading Ritz pairs that are returned.
        most: vectors after which it stops in any case; the bound reached is returned.
        basis: largest number of basis vectors before a thick restart.
        largest_only: only the largest value over all groups is wanted.
        trust: first-order bound above which the second-order one is not believed.
        width: vectors that a step appends, the residuals of as many pairs; more than one for a
            single group alone. A product with several costs little more than with one where
            reading the operator is what takes time, and fewer of them are needed.
    """
    space = _Subspace(operator, start, min(basis, start.shape[2]))
    first = space.first_residuals()
    for _ in range(blocks):
        space.add_block(start.shape[1])
    if blocks:
        space.ritz()
    space.grow(np.ones(len(first), dtype=bool), width)
    errors = _settle(space, tolerance, most, largest_only, trust, width)
    vectors, pairs = space.leading(keep)
    return Ritz(
        space.rayleigh(),
        errors,
        first,
        vectors,
        pairs,
        space.values.sum(1),
        space.norm,
        space.steps,
    )


def _settle(
    space: _Subspace,
    tolerance: float,
    most: int,
    largest_only: bool,
    trust: float,
    width: int,
) -> NDArray[np.float64]:
    """Let a subspace grow until the goal is met; returns the bounds."""
    while True:
        values, residuals = space.ritz()
        # The second bound costs more: not before the first is met.
        near = bool((residuals <= 2 * trust * values).any())
        _, met = _judged(space, near, tolerance, trust)
        growing = ~met
        if largest_only:
            growing &= values + residuals >= values.max()
        if not growing.any() or space.complete or space.steps.max() >= most:
            return _judged(space, True, tolerance, trust)[0]
        space.grow(growing, width)


def _judged(
    space: _Subspace, second_order: bool, tolerance: float, trust: float
) -> tuple[NDArray[np.float64], Mask]:
    values = space.values[:, -1]
    lifts = space.lifted() if second_order else np.full(len(values), np.inf)
    eps = float(np.finfo(space.q.dtype).eps)
    judgements = [
        judged(theta, residual, lifted, 0.0, trust, tolerance / _MARGIN, eps)
        for theta, residual, lifted in zip(values, space.norm, lifts, strict=True)
    ]
    bounds, met = zip(*judgements, strict=True)
    return np.array(bounds), np.array(met)


class _Subspace:
    """Basis Q, its image W = BQ, and T = QᵀBQ, for every group."""

    def __init__(self, operator: Operator, start: Vectors, basis: int) -> None:
        groups, count, n = start.shape
        count = min(count, basis)
        self.operator = operator
        self.q: Vectors = np.zeros((groups, basis, n), start.dtype)
        self.w = np.zeros_like(self.q)
        self.t = np.zeros((groups, basis, basis))
        self.q[:, :count] = start[:, :count]
        self.w[:, :count] = operator.gram(np.ascontiguousarray(start[:, :count]))
        self._project(count)
        self.size = count
        self.steps = np.zeros(groups, dtype=np.int64)

    @property
    def complete(self) -> bool:
        """The basis spans the whole space: the values are exact."""
        return bool(self.size == self.q.shape[2])

    def first_residuals(self) -> NDArray[np.float64]:
        """‖Bx − θx‖/θ of the first start vectors, from where the bases will grow."""
        theta = self.t[:, 0, 0]
        residual = self.w[:, 0] - theta[:, None].astype(self.q.dtype) * self.q[:, 0]
        norm, last = magnitude(residual), self.w[:, self.size - 1]
        share = _EXPLORE * norm / np.maximum(magnitude(last), np.finfo(np.float32).tiny)
        self.next: Vectors = residual + share[:, None].astype(self.q.dtype) * last
        return norm / np.where(theta > 0, theta, 1.0)

    def add_block(self, count: int) -> None:
        """Append the images of the last ``count`` vectors, made orthonormal."""
        if self.size + count <= self.q.shape[1]:
            self._append(self.w[:, self.size - count : self.size])

    def grow(self, wanted: Mask, width: int) -> None:
        """Append one vector, or the residuals of several pairs and as many images as pay.

        A look at a large basis costs as much as a product, so that the next comes when it has
        grown by a share.
        """
        if width == 1:
            self.add(wanted)
            return
        if self.size + width > self.q.shape[1]:
            self._restart(width)
            self.ritz()
        width = min(width, self.q.shape[2] - self.size)
        goal = self.size * _LOOK_AGAIN
        self._append(self._residuals(width))
        while self.size + width <= min(goal, self.q.shape[1]):
            self.add_block(width)

    def _append(self, block: Vectors) -> None:
        """Append vectors, made orthonormal."""
        j, count = self.size, block.shape[1]
        basis = self.q[:, :j]
        for turn in range(4):  # images in the span leave rounding alone, made orthogonal here
            shares = np.matmul(block, basis.swapaxes(1, 2))
            block = orthonormal(block - np.matmul(shares, basis))
            if turn and np.abs(shares).max() < _SLIGHT:  # of unit vectors, from the second on
                break
        else:  # nothing new: rounding that lies in the span itself
            shares = np.matmul(block, basis.swapaxes(1, 2))
            block[np.abs(shares).max(axis=2) > _SLIGHT] = 0
        image = self.operator.gram(block)
        self.q[:, j : j + count], self.w[:, j : j + count] = block, image
        products = np.matmul(image, self.q[:, : j + count].swapaxes(1, 2))
        self.t[:, j : j + count, : j + count] = products
        self.t[:, : j + count, j : j + count] = products.swapaxes(1, 2)
        self.size += count
        self.steps += count

    def _residuals(self, count: int) -> Vectors:
        """Of the leading pairs, (groups, count, n)."""
        weights = self.s[:, :, : -count - 1 : -1]
        values = self.values[:, : -count - 1 : -1, None].astype(self.q.dtype)
        found: Vectors = self._combined(self.w, weights) - values * self._combined(self.q, weights)
        return found

    def add(self, wanted: Mask) -> None:
        """Append the next Krylov vector, made orthogonal, and apply the operator to it.

        Groups that are not wanted get a vector of zeros, which changes none of their values.
        """
        if self.size == self.q.shape[1]:
            self._restart(1)
        j = self.size
        basis, vector = self.q[:, :j], self.next[:, None]
        for _ in range(2):  # twice is enough
            vector = vector / length(vector)
            shares = np.matmul(vector, basis.swapaxes(1, 2))
            vector = vector - np.matmul(shares, basis)
        vector = vector / length(vector)
        vector[np.abs(shares).max(axis=2) > _NOTHING_NEW] = 0
        if not wanted.all():
            vector[~wanted] = 0
        image = self.operator.gram(vector, wanted)
        self.q[:, j : j + 1], self.w[:, j : j + 1] = vector, image
        column = np.matmul(image, self.q[:, : j + 1].swapaxes(1, 2))[:, 0]
        self.t[:, j, : j + 1] = self.t[:, : j + 1, j] = column
        self.next = np.where(wanted[:, None], image[:, 0], self.next)
        self.size += 1
        self.steps += wanted

    def ritz(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Largest Ritz value of every group, and the norm of its residual."""
        self.values, self.s = ritz(self.t, self.size)
        self.x, self.bx, self.next = self._pair(-1)
        self.norm = magnitude(self.next)
        return self.values[:, -1], self.norm

    def lifted(self) -> NDArray[np.float64]:
        """By how much the second-order bounds lie above the largest Ritz values."""
        if self.size < 3:
            return np.full(len(self.values), np.inf)
        theta, mine, other = self.values[:, -1], self.next, self._pair(-2)[2]
        ceiling = self.values[:, -3] + magnitude(self._pair(-3)[2])
        products = inner(mine, mine), inner(mine, other), inner(other, other)
        lifts = map(lift, theta - self.values[:, -2], *products, theta - ceiling)
        return np.fromiter(lifts, np.float64)

    def rayleigh(self) -> NDArray[np.float64]:
        """The largest values once more, with the sums taken in float64."""
        x, bx = self.x.astype(np.float64), self.bx.astype(np.float64)
        squares = (x * x).sum(1)
        values: NDArray[np.float64] = (x * bx).sum(1) / np.where(squares > 0, squares, 1.0)
        return values

    def leading(self, count: int) -> tuple[Vectors, NDArray[np.float64]]:
        """The leading Ritz pairs: vectors (groups, count, n), values (groups, count)."""
        last = -min(count, self.size) - 1
        return self._combined(self.q, self.s[:, :, :last:-1]), self.values[:, :last:-1].copy()

    def _pair(self, index: int) -> tuple[Vectors, Vectors, Vectors]:
        """Ritz vector x, Bx and Bx − θx."""
        weights = self.s[:, :, index, None]
        x, bx = self._combined(self.q, weights)[:, 0], self._combined(self.w, weights)[:, 0]
        return x, bx, bx - self.values[:, index, None].astype(x.dtype) * x

    def _combined(self, basis: Vectors, weights: NDArray[np.float64]) -> Vectors:
        turned = weights.swapaxes(1, 2).astype(basis.dtype)
        combined: Vectors = np.matmul(turned, basis[:, : weights.shape[1]])
        return combined

    def _project(self, count: int) -> None:
        products = np.matmul(self.q[:, :count], self.w[:, :count].swapaxes(1, 2))
        self.t[:, :count, :count] = (products + products.swapaxes(1, 2)) / 2

    def _restart(self, width: int) -> None:
        keep = min(_RESTART * width, self.size - width)
        self.ritz()
        weights = self.s[:, :, -keep:]
        self.q[:, :keep] = self._combined(self.q, weights)
        self.w[:, :keep] = self._combined(self.w, weights)
        self.t[:] = 0
        self._project(keep)
        self.size = keep


def orthonormal(vectors: Vectors) -> Vectors:
    """Orthonormal rows with the same span, (groups, vectors, n)."""
    return np.ascontiguousarray(np.linalg.qr(vectors.swapaxes(1, 2))[0].swapaxes(1, 2))


def length(rows: Vectors) -> Vectors:
    """(groups, 1, n) -> (groups, 1, 1); 1 for zeros."""
    length = np.sqrt(np.matmul(rows, rows.swapaxes(1, 2)))
    return length if length.all() else np.where(length > 0, length, 1).astype(rows.dtype)


def inner(a: Vectors, b: Vectors) -> NDArray[np.float64]:
    """(groups, n), (groups, n) -> (groups,), float64."""
    products: NDArray[np.float64] = np.matmul(a[:, None], b[:, :, None])[:, 0, 0].astype(np.float64)
    return products


def magnitude(vectors: Vectors) -> NDArray[np.float64]:
    """(groups, n) -> (groups,), float64."""
    return np.sqrt(inner(vectors, vectors))
