"""Largest eigenvalue of AᵀA by a subspace that grows by its residual, with a bound on the error.

From one start vector this is the Lanczos iteration; from several it is its block-started,
thick-restarted form (Wu & Simon 2000). All arrays carry a leading axis of independent problems (the
groups of a grouped convolution), which share every product with the operator.

The bound. Let x be a unit vector with θ = xᵀBx and residual r = ‖Bx − θx‖. Some eigenvalue of B
lies within r of θ (Weinstein), and if it is the only one above θ − gap, within r²/gap (Temple,
Kato). The gap is taken to the second Ritz value plus its own residual. Both say that θ is an
eigenvalue, not that it is the largest: that rests on the start vectors, see docs/norms.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.floating]  # (problems, vectors, n)
Gram = Callable[[Vectors], Vectors]  # x ↦ AᵀA x for every vector

KEPT = 4  # vectors kept from one measurement to the next
_RESTART = 8
_LOOSEST = 1e-5  # residuals above this share of θ are not trusted to second order


@dataclass(frozen=True)
class Ritz:
    """What an iteration reached.

    Attributes:
        value: largest Ritz value over all problems, an estimate of λ_max(AᵀA) from below.
        error: bound on the relative error of its square root.
        first_residual: ‖Bx − θx‖/θ of the start vectors, before any refinement.
        vectors: leading Ritz vectors, (problems, KEPT, n).
        products: how many vectors the operator was applied to.
    """

    value: float
    error: float
    first_residual: float
    vectors: Vectors
    products: int


def top_ritz(
    gram: Gram,
    start: Vectors,
    tolerance: float,
    *,
    least: int = 1,
    most: int = 300,
    basis: int = 24,
    give_up_above: float = np.inf,
) -> Ritz:
    """Refine ``start`` until √λ_max is known to a relative error of ``tolerance``.

    Stops where the second-order bound is below a tenth of ``tolerance`` and the first-order one,
    which assumes nothing about the gap, below half of it (or below 1e-5 where that is more).

    Args:
        gram: x ↦ AᵀA x, for all vectors at once.
        start: start vectors (problems, vectors, n).
        tolerance: wanted relative error of the singular value.
        least: vectors to add before the bounds may stop the iteration.
        most: vectors after which it stops in any case; the bound reached is returned.
        basis: largest number of basis vectors before a thick restart.
        give_up_above: return at once where the first relative residual exceeds this.
    """
    space = _Subspace(gram, start, min(basis, start.shape[2]))
    loosest = max(tolerance / 2, _LOOSEST)
    first = None
    while True:
        value, residual = space.ritz()
        relative = _relative(residual, 2 * value)
        first = 2 * relative.max() if first is None else first
        matter = value + residual >= value.max()
        settled = space.added >= least and bool((relative[matter] <= loosest).all())
        if settled and space.error()[matter].max() <= tolerance / 10:
            break
        if space.complete or space.added >= most or first > give_up_above:
            break
        space.add()
    return Ritz(
        space.rayleigh(value),
        float(space.error()[matter].max()),
        float(first),
        space.leading(KEPT),
        space.products,
    )


class _Subspace:
    """Basis Q, its image W = BQ, and T = QᵀBQ, for every problem."""

    def __init__(self, gram: Gram, start: Vectors, basis: int) -> None:
        problems, count, n = start.shape
        count = min(count, basis)
        self.gram = gram
        self.q = np.zeros((problems, basis, n), start.dtype)
        self.w = np.zeros_like(self.q)
        self.t = np.zeros((problems, basis, basis))
        self.q[:, :count] = np.linalg.qr(start[:, :count].swapaxes(1, 2))[0].swapaxes(1, 2)
        self.w[:, :count] = gram(np.ascontiguousarray(self.q[:, :count]))
        products = np.matmul(self.q[:, :count], self.w[:, :count].swapaxes(1, 2))
        self.t[:, :count, :count] = (products + products.swapaxes(1, 2)) / 2
        self.size = self.products = count
        self.added = 0

    @property
    def complete(self) -> bool:
        """The basis spans the whole space: the values are exact."""
        return self.size == self.q.shape[2]

    def add(self) -> None:
        """Append the residual of the top pair, made orthogonal, and apply the operator to it."""
        vector = self.residual
        if self.size == self.q.shape[1]:
            self._restart()
        j = self.size
        basis = self.q[:, :j]
        for _ in range(2):  # twice is enough
            vector = _unit(vector)
            overlap = np.matmul(basis, vector[:, :, None])
            vector = vector - np.matmul(overlap.swapaxes(1, 2), basis)[:, 0]
        self.q[:, j] = _unit(vector)
        self.w[:, j] = self.gram(self.q[:, j : j + 1])[:, 0]
        column = np.matmul(self.q[:, : j + 1], self.w[:, j, :, None])[:, :, 0]
        self.t[:, j, : j + 1] = self.t[:, : j + 1, j] = column
        self.size += 1
        self.products += 1
        self.added += 1

    def ritz(self) -> tuple[NDArray, NDArray]:
        """Largest Ritz value of every problem, and the norm of its residual."""
        j = self.size
        self.values, self.s = np.linalg.eigh(self.t[:, :j, :j])
        self.x, self.bx, self.residual = self._pair(-1)
        self.norm = _norm(self.residual)
        return self.values[:, -1], self.norm

    def error(self) -> NDArray[np.float64]:
        """Bound on the relative error of the root of the top Ritz value."""
        top, bound = self.values[:, -1], self.norm
        if self.size > 1:
            gap = top - self.values[:, -2] - _norm(self._pair(-2)[2])
            apart = self.norm < gap
            bound = np.where(apart, self.norm**2 / np.where(apart, gap, 1.0), self.norm)
        return _relative(bound, 2 * top)

    def rayleigh(self, values: NDArray) -> float:
        """The largest value once more, with the sums taken in float64."""
        best = int(np.argmax(values))
        x, bx = self.x[best].astype(np.float64), self.bx[best].astype(np.float64)
        return float(x @ bx / (x @ x))

    def leading(self, count: int) -> Vectors:
        """The leading Ritz vectors, largest first; zeros where the basis holds fewer."""
        found = self._combined(self.q, self.s[:, :, ::-1][:, :, :count])
        return np.pad(found, ((0, 0), (0, count - found.shape[1]), (0, 0)))

    def _pair(self, index: int) -> tuple[NDArray, NDArray, NDArray]:
        """Ritz vector x, Bx and Bx − θx."""
        weights = self.s[:, :, index, None]
        x, bx = self._combined(self.q, weights)[:, 0], self._combined(self.w, weights)[:, 0]
        return x, bx, bx - self.values[:, index, None].astype(x.dtype) * x

    def _combined(self, basis: Vectors, weights: NDArray) -> Vectors:
        return np.matmul(weights.swapaxes(1, 2).astype(basis.dtype), basis[:, : weights.shape[1]])

    def _restart(self) -> None:
        keep = min(_RESTART, self.size - 1)
        weights = self.s[:, :, -keep:]
        self.q[:, :keep] = self._combined(self.q, weights)
        self.w[:, :keep] = self._combined(self.w, weights)
        self.t[:] = 0
        products = np.matmul(self.q[:, :keep], self.w[:, :keep].swapaxes(1, 2))
        self.t[:, :keep, :keep] = (products + products.swapaxes(1, 2)) / 2
        self.size = keep


def _norm(vectors: NDArray) -> NDArray[np.float64]:
    return np.sqrt(np.einsum("gn,gn->g", vectors, vectors, dtype=np.float64))


def _unit(vectors: NDArray) -> NDArray:
    norm = _norm(vectors)[:, None]
    return (vectors / np.where(norm > 0, norm, 1.0)).astype(vectors.dtype)


def _relative(part: NDArray, whole: NDArray) -> NDArray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
