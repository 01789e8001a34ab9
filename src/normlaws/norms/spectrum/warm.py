"""Largest eigenvalue of AᵀA from the eigenpairs of a nearby operator: the warm iteration.

The start space holds the leading vectors of the last call, the direction in which the first of
them last turned, so that a steady drift of the weights is extrapolated, and a scout
(:mod:`normlaws.norms.spectrum.watch`). It grows by residuals until the bounds of
:mod:`normlaws.norms.spectrum.ritz` are met. Only half products are taken: with z = Ax known for
every basis vector, T = ZZᵀ needs no other, and the residual one adjoint, at the Ritz vector alone.

One operator of one group at a time. The functions are written in what NumPy and Numba both run:
:mod:`normlaws.norms.spectrum.warm_numba` compiles them for matrices in memory, everything else runs
them as they are.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from normlaws.norms.operators.operator import Operator
from normlaws.norms.spectrum.kept import KEPT
from normlaws.norms.spectrum.ritz import Square, judged, lift, ritz
from normlaws.norms.spectrum.watch import Basis, Reference, Vector, orthogonal, watched

_MARGIN = 2  # by which the second-order bound stays below what is asked for
_PROBE = 0.03  # share of fresh noise in the direction of drift
_APART = 0.03  # of the distance to the second Ritz value: a residual that is not due to it
_BASIS = 24
_RESTART = 8
_MOST = 300
_STILL = 1e-6  # turn of the first vector below which its direction is noise


class Goal(NamedTuple):
    """When to stop.

    Attributes:
        tolerance: wanted relative error of the singular value.
        trust: first-order bound up to which the second-order one is believed in any case.
        trust_apart: the same where the second Ritz value lies further from the first than that
            bound by a factor of 33, so that the vector is hardly between two neighbours.
        give_up_above: relative residual of the start space that tells a jump.
        safe_from, safe_to: range of the sum of the start's squares, beyond which float32 loses
            digits; otherwise a jump.
    """

    tolerance: float
    trust: float
    trust_apart: float
    give_up_above: float
    safe_from: float
    safe_to: float


class Followed(NamedTuple):
    """What was reached.

    Attributes:
        value: λ_max, from below; NaN for a jump: the operator is not near the earlier one, or
            moved beside the kept vectors.
        bound: on the relative error of its root.
        vectors: leading Ritz vectors, largest first, as many as were kept.
        values: their Ritz values.
        drift: where the first of them has turned to, a unit vector or zeros.
        scout: where else to look, a unit vector or zeros.
        reference: from which the next moves are counted.
        captured: trace of the operator within the subspace.
        residual: length of the residual of the first vector.
    """

    value: float
    bound: float
    vectors: Basis
    values: NDArray[np.float64]
    drift: Vector
    scout: Vector
    reference: Reference
    captured: float
    residual: float


def forward(operator: Operator, x: Vector) -> Vector:
    """Ax."""
    found: Vector = operator.forward(x[None, None])[0, 0]
    return found


def adjoint(operator: Operator, z: Vector) -> Vector:
    """Aᵀz."""
    found: Vector = operator.adjoint(z[None, None])[0, 0]
    return found


def adjoints(operator: Operator, first: Vector, second: Vector) -> Basis:
    """Aᵀz for two vectors at once, (2, n)."""
    found: Basis = operator.adjoint(np.stack((first, second))[None])[0]
    return found


def start_basis(vectors: Basis, drift: Vector, noise: Vector, scout: Vector) -> Basis:
    """Where :func:`follow` starts, orthonormal, (KEPT + 2, n).

    Args:
        vectors: leading vectors of an earlier call, orthonormal, (KEPT, n).
        drift: what that call returned.
        noise: of unit variance; a little of it enters, so that eigenvectors that no kept vector
            sees are taken up as they grow.
        scout: what that call returned.
    """
    extra = (drift + (_PROBE / len(noise) ** 0.5) * noise).astype(vectors.dtype)
    extra = orthogonal(orthogonal(extra, vectors), vectors)  # twice is enough
    start = np.concatenate((vectors, extra.reshape(1, -1)))
    scout = orthogonal(orthogonal(scout, start), start)
    return np.concatenate((start, scout.reshape(1, -1)))


def follow(
    operator: Operator,
    start: Basis,
    image: Basis,
    signs: Vector,
    before: Reference,
    goal: Goal,
) -> Followed:
    """Refine a start space until √λ_max is known to the wanted relative error.

    Args:
        operator: A, of one group.
        start: from :func:`start_basis`, with the scout or without.
        image: A of every start vector, (vectors, outputs).
        signs: the probe's, (outputs,), or none at all for a call without a probe.
        before: from which moves are counted.
        goal: when to stop.
    """
    q, z, size = _room(start), _room(image), len(start)
    t = np.zeros((_BASIS, _BASIS))
    t[:size, :size] = np.dot(image, image.T)
    if not goal.safe_from < np.trace(t[:size, :size]) < goal.safe_to:  # NaN among them
        return _jump(start, before)
    values, s = ritz(t, size)
    y, rest = _combined(z, s[:, -1]), _combined(q, s[:, -KEPT - 1])
    probed = len(signs) > 0
    images = adjoints(operator, y, signs) if probed else adjoint(operator, y).reshape(1, -1)
    theta: float = np.float64(np.dot(y, y))
    residual = images[0] - np.dot(y, y) * _combined(q, s[:, -1])
    if not _length(residual) <= goal.give_up_above * theta:
        return _jump(start, before)
    bound, met = _judge(operator, q, z, s, values, theta, residual, goal)
    for _ in range(_MOST):
        if met:
            break
        if size == _BASIS:
            size = _restart(q, z, t, s)
        _append(operator, q, z, t, size, residual)
        size += 1
        values, s = ritz(t, size)
        theta, residual = _pair(operator, q, z, s, -1)
        bound, met = _judge(operator, q, z, s, values, theta, residual, goal)
    vectors = np.dot(np.ascontiguousarray(s[:, ::-1][:, :KEPT].T).astype(q.dtype), q[:size])
    value = _rayleigh(vectors[0], _combined(z, s[:, -1]))
    scout, reference = orthogonal(orthogonal(rest, vectors), vectors), before
    if probed:
        seen = watched(vectors, rest, images[1], before, value, value, len(signs))
        if seen.still:
            return _jump(start, before)
        scout, reference = seen.scout, seen.reference
    kept = values[::-1][:KEPT].copy()
    drift = _turn(vectors[0], start[0])
    captured, length = np.sum(values), _length(residual)
    return Followed(value, bound, vectors, kept, drift, scout, reference, captured, length)


def _jump(start: Basis, before: Reference) -> Followed:
    vectors = start[:KEPT].copy()
    none = np.zeros_like(vectors[0])
    return Followed(math.nan, math.inf, vectors, np.zeros(KEPT), none, none, before, 0.0, math.inf)


def _room(start: Basis) -> Basis:
    room = np.empty((_BASIS, start.shape[1]), start.dtype)
    room[: len(start)] = start
    return room


def _length(vector: Vector) -> float:
    return math.sqrt(np.float64(np.dot(vector, vector)))


def _combined(basis: Basis, weights: NDArray[np.float64]) -> Vector:
    """(n,) of (size,) weights."""
    found: Vector = np.dot(weights.astype(basis.dtype), basis[: len(weights)])
    return found


def _rayleigh(vector: Vector, image: Vector) -> float:
    """‖Ax‖²/‖x‖² with sums in float64."""
    x, y = vector.astype(np.float64), image.astype(np.float64)
    found: float = np.dot(y, y) / np.dot(x, x)
    return found


def _turn(vector: Vector, earlier: Vector) -> Vector:
    """Where a unit vector has turned to, a unit vector or zeros."""
    turn = vector - np.dot(vector, earlier) * earlier
    turned = np.sqrt(np.dot(turn, turn))
    return turn / turned if turned > _STILL else np.zeros_like(turn)


def _pair(operator: Operator, q: Basis, z: Basis, s: Square, index: int) -> tuple[float, Vector]:
    """A Ritz value, and the residual of its vector."""
    x, y = _combined(q, s[:, index]), _combined(z, s[:, index])
    theta = np.dot(y, y)
    return np.float64(theta), adjoint(operator, y) - theta * x


def _judge(
    operator: Operator,
    q: Basis,
    z: Basis,
    s: Square,
    values: NDArray[np.float64],
    theta: float,
    residual: Vector,
    goal: Goal,
) -> tuple[float, bool]:
    """The bound, and whether the goal is met or rounding reached."""
    square = np.float64(np.dot(residual, residual))
    length, wanted = math.sqrt(square), goal.tolerance / _MARGIN
    gap, delta = theta - values[-2], theta - values[-3]
    aim, lifted = 2 * theta * wanted, square / gap if gap > 0 else math.inf
    trust = max(goal.trust, min(goal.trust_apart, _APART * gap / theta))
    near = 2 * theta * goal.tolerance < length <= 2 * theta * trust and lifted > aim
    if near and square <= aim * delta:  # a close neighbour: its residual decides
        _, other = _pair(operator, q, z, s, -2)
        mixed, others = np.float64(np.dot(residual, other)), np.float64(np.dot(other, other))
        lifted = min(lifted, lift(gap, square, mixed, others, delta))
    eps = np.finfo(residual.dtype).eps
    return judged(theta, length, lifted, goal.tolerance, trust, wanted, eps)


def _append(operator: Operator, q: Basis, z: Basis, t: Square, size: int, residual: Vector) -> None:
    """The residual, which is orthogonal to the basis but for rounding, and its image."""
    q[size] = orthogonal(residual / np.sqrt(np.dot(residual, residual)), q[:size])
    z[size] = forward(operator, q[size])
    t[size, : size + 1] = np.dot(z[: size + 1], z[size])
    t[: size + 1, size] = t[size, : size + 1]


def _restart(q: Basis, z: Basis, t: Square, s: Square) -> int:
    """Keep the leading Ritz vectors alone."""
    weights = np.ascontiguousarray(s[:, -_RESTART:].T).astype(q.dtype)
    q[:_RESTART] = np.dot(weights, q[: len(s)])
    z[:_RESTART] = np.dot(weights, z[: len(s)])
    t[:_RESTART, :_RESTART] = np.dot(z[:_RESTART], z[:_RESTART].T)
    return _RESTART
