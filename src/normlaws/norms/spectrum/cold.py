"""Largest eigenvalue of AᵀA by a subspace that grows by its residual, with a bound on the error.

From one start vector this is the Lanczos iteration; from several it is its block-started,
thick-restarted form (Wu & Simon 2000). All arrays carry a leading axis of independent problems (the
groups of a grouped convolution, or layers of one shape). This is the cold start;
:mod:`normlaws.norms.spectrum.warm` continues from eigenpairs of a nearby operator.

The bound. Let x be a unit vector with θ = xᵀBx and residual r = ‖Bx − θx‖. Some eigenvalue of B
lies within r of θ (Weinstein). The second-order bound takes the two leading Ritz pairs with their
residuals R: B is [[Θ, Rᵀ], [R, C]] in a basis that begins with them, so λ_max is that of
Θ + Rᵀ(λ_max − C)⁻¹R, at most that of Θ + RᵀR/δ if all of C lies δ or more below θ. C is thought to
end at the third Ritz value: whether anything larger is there rests on the start vectors, see
docs/norms.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.floating]  # (problems, vectors, n)
Mask = NDArray[np.bool_]  # (problems,)
Gram = Callable[[Vectors, Mask], Vectors]  # x ↦ AᵀA x; problems outside the mask may be left out

_MARGIN = 3  # by which the second-order bound stays below what is asked for
_RESTART = 8
_EXPLORE = 0.1  # share of the last start vector's image in the first direction of growth


@dataclass(frozen=True, eq=False)
class Kept:
    """Approximate leading eigenpairs from an earlier, nearby operator, largest first.

    Attributes:
        vectors: orthonormal, (problems, count, n).
        values: their eigenvalues, (problems, count).
        drift: the direction in which the first vector last turned, a unit vector or zeros,
            (problems, n).
        scout: a unit vector outside the kept ones, refined between calls towards what may overtake
            them, (problems, n).
        probe: the image of fixed random signs at an earlier call, the reference, whose change
            tells how far the operator has moved since, (problems, n).
        anchor: the leading vector at the reference, (problems, n).
        level: its eigenvalue at the reference, (problems,).
    """

    vectors: Vectors
    values: NDArray[np.float64]
    drift: Vectors
    scout: Vectors
    probe: Vectors
    anchor: Vectors
    level: NDArray[np.float64]


@dataclass(frozen=True)
class Ritz:
    """What an iteration reached, for every problem.

    Attributes:
        values: largest Ritz values, estimates of λ_max(AᵀA) from below, (problems,).
        errors: bounds on the relative errors of their square roots, (problems,).
        first_residuals: ‖Bx − θx‖/θ of the first start vectors, before refinement, (problems,).
        vectors: leading Ritz vectors, largest first, (problems, count, n).
        pairs: their Ritz values, (problems, count).
        captured: trace of the operator within the subspace, (problems,).
        residuals: ‖Bx − θx‖ of the largest Ritz values, (problems,).
        steps: how many vectors were added to the start vectors, (problems,).
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
    gram: Gram,
    start: Vectors,
    tolerance: float,
    *,
    blocks: int = 0,
    keep: int = 4,
    most: int = 300,
    basis: int = 24,
    largest_only: bool = False,
    trust: float = 3e-5,
) -> Ritz:
    """Refine ``start`` until every √λ_max is known to a relative error of ``tolerance``.

    Stops where the second-order bound is below a tenth of ``tolerance`` and the first-order one,
    which assumes nothing about the gap, below ``trust``.

    Args:
        gram: x ↦ AᵀA x, for all vectors at once.
        start: orthonormal start vectors (problems, vectors, n).
        tolerance: wanted relative error of the singular values.
        blocks: times that all start vectors advance together before the first look (a block
            Krylov space), which a cold start needs so as not to miss the leading direction.
        keep: number of leading Ritz pairs that are returned.
        most: vectors after which it stops in any case; the bound reached is returned.
        basis: largest number of basis vectors before a thick restart.
        largest_only: only the largest value over all problems is wanted.
        trust: first-order bound above which the second-order one is not believed: a vector between
            two close neighbours has a residual of the size of their distance.
    """
    space = _Subspace(gram, start, min(basis, start.shape[2]))
    first = space.first_residuals()
    for _ in range(blocks):
        space.add_block(start.shape[1])
    space.add(np.ones(len(first), dtype=bool))
    _settle(space, tolerance, most, largest_only, trust)
    vectors, pairs = space.leading(keep)
    return Ritz(
        space.rayleigh(),
        space.errors(),
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
) -> None:
    rounding = 8 * float(np.finfo(space.q.dtype).eps)
    while True:
        values, residuals = space.ritz()
        open_ = residuals > 2 * trust * values
        if not open_.all():  # the second bound costs more: not before the first is met
            open_ = open_ | (space.errors() > tolerance / _MARGIN)
        open_ &= residuals > rounding * values
        if largest_only:
            open_ &= values + residuals >= values.max()
        if not open_.any() or space.complete or space.steps.max() >= most:
            break
        space.add(open_)


class _Subspace:
    """Basis Q, its image W = BQ, and T = QᵀBQ, for every problem."""

    def __init__(self, gram: Gram, start: Vectors, basis: int) -> None:
        problems, count, n = start.shape
        count = min(count, basis)
        self.gram = gram
        self.q = np.zeros((problems, basis, n), start.dtype)
        self.w = np.zeros_like(self.q)
        self.t = np.zeros((problems, basis, basis))
        self.q[:, :count] = start[:, :count]
        self.w[:, :count] = gram(
            np.ascontiguousarray(start[:, :count]), np.ones(problems, dtype=bool)
        )
        self._project(count)
        self.size = count
        self.steps = np.zeros(problems, dtype=np.int64)

    @property
    def complete(self) -> bool:
        """The basis spans the whole space: the values are exact."""
        return self.size == self.q.shape[2]

    def first_residuals(self) -> NDArray[np.float64]:
        """‖Bx − θx‖/θ of the first start vectors, from where the bases will grow."""
        theta = self.t[:, 0, 0]
        residual = self.w[:, 0] - theta[:, None].astype(self.q.dtype) * self.q[:, 0]
        norm, last = magnitude(residual), self.w[:, self.size - 1]
        share = _EXPLORE * norm / np.maximum(magnitude(last), np.finfo(np.float32).tiny)
        self.next = residual + share[:, None].astype(self.q.dtype) * last
        return norm / np.where(theta > 0, theta, 1.0)

    def add_block(self, count: int) -> None:
        """Append the images of the last ``count`` vectors, made orthonormal."""
        j = self.size
        if j + count > self.q.shape[1]:
            return
        block, basis = self.w[:, j - count : j], self.q[:, :j]
        for _ in range(4):  # images in the span already leave rounding alone, made orthogonal here
            block = block - np.matmul(np.matmul(block, basis.swapaxes(1, 2)), basis)
            block = orthonormal(block)
        images = self.gram(block, np.ones(len(block), dtype=bool))
        self.q[:, j : j + count], self.w[:, j : j + count] = block, images
        self.size += count
        self.steps += count
        self._project(self.size)
        self.ritz()

    def add(self, wanted: Mask) -> None:
        """Append the next Krylov vector, made orthogonal, and apply the operator to it.

        Problems that are not wanted get a vector of zeros, which changes none of their values.
        """
        if self.size == self.q.shape[1]:
            self._restart()
        j = self.size
        basis, vector = self.q[:, :j], self.next[:, None]
        for _ in range(2):  # twice is enough
            vector = vector / length(vector)
            vector = vector - np.matmul(np.matmul(vector, basis.swapaxes(1, 2)), basis)
        vector = vector / length(vector)
        if not wanted.all():
            vector[~wanted] = 0
        image = self.gram(vector, wanted)
        self.q[:, j : j + 1], self.w[:, j : j + 1] = vector, image
        column = np.matmul(image, self.q[:, : j + 1].swapaxes(1, 2))[:, 0]
        self.t[:, j, : j + 1] = self.t[:, : j + 1, j] = column
        self.next = np.where(wanted[:, None], image[:, 0], self.next)
        self.size += 1
        self.steps += wanted

    def ritz(self) -> tuple[NDArray, NDArray]:
        """Largest Ritz value of every problem, and the norm of its residual."""
        j = self.size
        self.values, self.s = np.linalg.eigh(self.t[:, :j, :j])
        self.x, self.bx, self.next = self._pair(-1)
        self.norm = magnitude(self.next)
        return self.values[:, -1], self.norm

    def errors(self) -> NDArray[np.float64]:
        """Bounds on the relative errors of the roots of the top Ritz values."""
        top, first = self.values[:, -1], self.norm
        bound = first if self.size < 3 else np.minimum(first, self._second_order())
        return np.where(top > 0, bound / np.where(top > 0, 2 * top, 1.0), 0.0)

    def _second_order(self) -> NDArray[np.float64]:
        """λ_max of diag(θ₁, θ₂) + RᵀR/δ, less θ₁; infinite where δ is not positive."""
        theta, other = self.values[:, -1], self._pair(-2)[2]
        delta = theta - self._ceiling()
        mine = self.next
        products = inner(mine, mine), inner(mine, other), inner(other, other)
        lifts = map(lift, theta - self.values[:, -2], *products, delta)
        return np.fromiter(lifts, np.float64)

    def _ceiling(self) -> NDArray[np.float64]:
        """What no eigenvalue beside the top two is thought to exceed."""
        return self.values[:, -3] + magnitude(self._pair(-3)[2])

    def rayleigh(self) -> NDArray[np.float64]:
        """The largest values once more, with the sums taken in float64."""
        x, bx = self.x.astype(np.float64), self.bx.astype(np.float64)
        squares = (x * x).sum(1)
        return (x * bx).sum(1) / np.where(squares > 0, squares, 1.0)

    def leading(self, count: int) -> tuple[Vectors, NDArray[np.float64]]:
        """The leading Ritz pairs: vectors (problems, count, n), values (problems, count)."""
        last = -min(count, self.size) - 1
        return self._combined(self.q, self.s[:, :, :last:-1]), self.values[:, :last:-1].copy()

    def _pair(self, index: int) -> tuple[NDArray, NDArray, NDArray]:
        """Ritz vector x, Bx and Bx − θx."""
        weights = self.s[:, :, index, None]
        x, bx = self._combined(self.q, weights)[:, 0], self._combined(self.w, weights)[:, 0]
        return x, bx, bx - self.values[:, index, None].astype(x.dtype) * x

    def _combined(self, basis: Vectors, weights: NDArray) -> Vectors:
        return np.matmul(weights.swapaxes(1, 2).astype(basis.dtype), basis[:, : weights.shape[1]])

    def _project(self, count: int) -> None:
        products = np.matmul(self.q[:, :count], self.w[:, :count].swapaxes(1, 2))
        self.t[:, :count, :count] = (products + products.swapaxes(1, 2)) / 2

    def _restart(self) -> None:
        keep = min(_RESTART, self.size - 1)
        self.ritz()
        weights = self.s[:, :, -keep:]
        self.q[:, :keep] = self._combined(self.q, weights)
        self.w[:, :keep] = self._combined(self.w, weights)
        self.t[:] = 0
        self._project(keep)
        self.size = keep


def lift(distance: float, own: float, mixed: float, others: float, delta: float) -> float:
    """λ_max of diag(θ₁, θ₂) + RᵀR/δ, less θ₁; infinite where δ is not positive.

    Args:
        distance: θ₁ − θ₂.
        own: square of the residual of the first pair.
        mixed: inner product of both residuals.
        others: square of that of the second.
        delta: δ.
    """
    if not delta > 0:
        return math.inf
    gap, twice = distance + (own - others) / delta, 2 * mixed / delta
    root = math.sqrt(gap * gap + twice * twice)
    turned = twice * twice / (2 * (gap + root)) if gap > 0 else (root - gap) / 2
    return own / delta + turned


def orthonormal(vectors: Vectors) -> Vectors:
    """Orthonormal rows with the same span, (problems, vectors, n)."""
    return np.ascontiguousarray(np.linalg.qr(vectors.swapaxes(1, 2))[0].swapaxes(1, 2))


def length(rows: NDArray) -> NDArray:
    """(problems, 1, n) -> (problems, 1, 1); 1 for zeros."""
    length = np.sqrt(np.matmul(rows, rows.swapaxes(1, 2)))
    return length if length.all() else np.where(length > 0, length, 1).astype(rows.dtype)


def inner(a: NDArray, b: NDArray) -> NDArray[np.float64]:
    """(problems, n), (problems, n) -> (problems,), float64."""
    return np.matmul(a[:, None], b[:, :, None])[:, 0, 0].astype(np.float64)


def magnitude(vectors: NDArray) -> NDArray[np.float64]:
    """(problems, n) -> (problems,), float64."""
    return np.sqrt(inner(vectors, vectors))
