"""Largest eigenvalue of AᵀA by a subspace that grows by its residual, with a bound on the error.

From one start vector this is the Lanczos iteration; from several it is its block-started,
thick-restarted form (Wu & Simon 2000). All arrays carry a leading axis of independent problems (the
groups of a grouped convolution), which share every product with the operator.

The bound. Let x be a unit vector with θ = xᵀBx and residual r = ‖Bx − θx‖. Some eigenvalue of B
lies within r of θ (Weinstein), and if it is the only one above θ − gap, within r²/gap (Temple,
Kato). The gap is taken from the second Ritz value. Both say that θ is an eigenvalue, not that it is
the largest: that rests on the start vectors, see docs/norms.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.floating]  # (problems, vectors, n)
Gram = Callable[[NDArray[np.floating]], NDArray[np.floating]]  # (problems, n) -> (problems, n)

KEPT = 2  # vectors kept from one measurement to the next
_RESTART = 6


@dataclass(frozen=True)
class Ritz:
    """What an iteration reached.

    Attributes:
        value: largest Ritz value over all problems, an estimate of λ_max(AᵀA) from below.
        error: bound on the relative error of its square root.
        first_residual: ‖Bx − θx‖/θ of the start vectors, before any refinement.
        vectors: leading Ritz vectors, (problems, KEPT, n).
        products: how often the operator was applied.
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
    least: int = 0,
    most: int = 300,
    basis: int = 24,
    give_up_above: float = np.inf,
) -> Ritz:
    """Refine ``start`` until the bound on the relative error of √λ_max is below ``tolerance``.

    Args:
        gram: x ↦ AᵀA x.
        start: start vectors (problems, vectors, n).
        tolerance: stop where the second-order bound falls below it, or the first-order one, which
            assumes nothing about the gap, below five times as much.
        least: products to spend before the bound may stop the iteration.
        most: products after which it stops in any case; the bound reached is returned.
        basis: largest number of basis vectors before a thick restart.
        give_up_above: return at once where the first relative residual exceeds this.
    """
    space = _Subspace(gram, start, min(basis, start.shape[2]))
    first = None
    while True:
        value, residual, error, vector = space.ritz()
        relative = _relative(residual, value)
        first = relative.max() if first is None else first
        matter = value + residual >= value.max()
        small = (error <= tolerance) | (relative <= 10 * tolerance)
        settled = small[matter].all() and space.products >= least
        if settled or space.products >= most or first > give_up_above or space.complete:
            break
        space.add(vector)
    return Ritz(
        float(space.rayleigh(value)),
        float(error[matter].max()),
        float(first),
        space.leading(KEPT),
        space.products,
    )


class _Subspace:
    """Basis Q, its image W = BQ, and T = QᵀBQ, for every problem."""

    def __init__(self, gram: Gram, start: Vectors, basis: int) -> None:
        problems, _, n = start.shape
        self.gram = gram
        self.q = np.zeros((problems, basis, n), start.dtype)
        self.w = np.zeros_like(self.q)
        self.t = np.zeros((problems, basis, basis))
        self.size = self.products = 0
        for index in range(min(start.shape[1], basis)):
            self.add(start[:, index])

    @property
    def complete(self) -> bool:
        """The basis spans the whole space: the values are exact."""
        return self.size == self.q.shape[2]

    def add(self, vector: NDArray[np.floating]) -> None:
        """Orthonormalise against the basis (twice is enough), append, apply the operator."""
        if self.size == self.q.shape[1]:
            self._restart()
        j = self.size
        basis = self.q[:, :j]
        for _ in range(2):
            vector = _unit(vector)
            if j:
                overlap = np.matmul(basis, vector[:, :, None])
                vector = vector - np.matmul(overlap.swapaxes(1, 2), basis)[:, 0]
        self.q[:, j] = _unit(vector)
        self.w[:, j] = self.gram(self.q[:, j])
        column = np.matmul(self.q[:, : j + 1], self.w[:, j, :, None])[:, :, 0]
        self.t[:, j, : j + 1] = self.t[:, : j + 1, j] = column
        self.size += 1
        self.products += 1

    def ritz(self) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        """Largest Ritz value, norm of its residual, bound on the error of its root, residual."""
        j = self.size
        values, self.s = np.linalg.eigh(self.t[:, :j, :j])
        top = values[:, -1]
        weights = self.s[:, None, :, -1].astype(self.q.dtype)
        self.x = np.matmul(weights, self.q[:, :j])[:, 0]
        self.bx = np.matmul(weights, self.w[:, :j])[:, 0]
        residual = self.bx - top[:, None].astype(self.q.dtype) * self.x
        norm = _norm(residual)
        bound = norm
        if j > 1:
            gap = top - values[:, -2]
            close = norm < gap
            bound = np.where(close, norm * norm / np.where(close, gap, 1.0), norm)
        return top, norm, _relative(bound, 2 * top), residual

    def rayleigh(self, values: NDArray) -> float:
        """The largest value once more, with the sums taken in float64."""
        best = int(np.argmax(values))
        x, bx = self.x[best].astype(np.float64), self.bx[best].astype(np.float64)
        return float(x @ bx / (x @ x))

    def leading(self, count: int) -> Vectors:
        """The leading Ritz vectors, largest first; zeros where the basis holds fewer."""
        j = self.size
        weights = self.s[:, :, ::-1][:, :, :count].swapaxes(1, 2).astype(self.q.dtype)
        found = np.matmul(weights, self.q[:, :j])
        if found.shape[1] < count:
            found = np.pad(found, ((0, 0), (0, count - found.shape[1]), (0, 0)))
        return np.ascontiguousarray(found)

    def _restart(self) -> None:
        j, keep = self.size, min(_RESTART, self.size - 1)
        weights = self.s[:, :j, -keep:].swapaxes(1, 2).astype(self.q.dtype)
        self.q[:, :keep] = np.matmul(weights, self.q[:, :j])
        self.w[:, :keep] = np.matmul(weights, self.w[:, :j])
        self.t[:] = 0
        self.t[:, :keep, :keep] = np.matmul(self.q[:, :keep], self.w[:, :keep].swapaxes(1, 2))
        self.size = keep


def _norm(vectors: NDArray) -> NDArray[np.float64]:
    return np.sqrt(np.einsum("gn,gn->g", vectors, vectors, dtype=np.float64))


def _unit(vectors: NDArray) -> NDArray:
    norm = _norm(vectors)[:, None]
    return (vectors / np.where(norm > 0, norm, 1.0)).astype(vectors.dtype)


def _relative(part: NDArray, whole: NDArray) -> NDArray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
