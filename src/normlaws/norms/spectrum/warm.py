"""Largest eigenvalue of A Aᵀ from the eigenpairs of a nearby operator: the warm iteration.

The start space holds the leading vectors of the last call and the direction in which the first of
them last turned, so that a steady drift of the weights is extrapolated. It grows by residuals until
the bounds of :mod:`normlaws.norms.spectrum.cold` are met. Only half products are taken: with
z = Aᵀx known for every basis vector, T = ZZᵀ needs no other, and the residual one back product,
at the Ritz vector alone.

Pairs that stay exact say nothing about a direction beside them. Two vectors more therefore take
part. A *scout*, orthogonal to the kept vectors, advances at every call by a power step, and towards
where the operator has moved. A *probe*, the image of fixed random signs s, tells how far that was:
E‖ΔA s‖² = ‖ΔA‖_F². If the operator moved and the kept vectors stood still, far stiller than a
change without structure would have left them, nothing can be said about the rest, and the call
ends as after a jump.

One operator at a time. The functions are written in what NumPy and Numba both run:
:mod:`normlaws.norms.spectrum.warm_numba` compiles them for matrices in memory, everything else runs
them as they are.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dsyevd

from normlaws.norms.operators.halves import Halves
from normlaws.norms.spectrum.cold import lift

Vector = NDArray[np.floating]  # (m,)
Basis = NDArray[np.floating]  # (vectors, m)

KEPT = 3
"""Leading pairs that are followed."""

MOVED = 2.5e-3
"""Move of the rest, relative to the norm, from which its cause matters."""

_MARGIN = 2  # by which the second-order bound stays below what is asked for
_PROBE = 0.03  # share of fresh noise in the direction of drift
_BASIS = 24
_RESTART = 8
_MOST = 300
_STILL = 1e-6  # turn of the first vector below which its direction is noise
_STIFF = (
    0.2  # share of the turn that an unstructured move brings about below which it has structure
)


class Goal(NamedTuple):
    """When to stop.

    Attributes:
        tolerance: wanted relative error of the singular value.
        trust: first-order bound above which the second-order one is not believed.
        give_up_above: relative residual of the start space that tells a jump.
        safe_from, safe_to: range of the sum of the start's squares, beyond which float32 loses
            digits; otherwise a jump.
    """

    tolerance: float
    trust: float
    give_up_above: float
    safe_from: float
    safe_to: float


class Reference(NamedTuple):
    """An earlier state of the operator, from which its moves are counted.

    Attributes:
        probe: image of the random signs, (m,).
        anchor: leading vector, (m,).
        level: its eigenvalue.
    """

    probe: Vector
    anchor: Vector
    level: float


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


def forward(operator: Halves, x: Vector) -> Vector:
    """Aᵀx."""
    return operator.forward(x[None])[0]


def adjoint(operator: Halves, z: Vector) -> Vector:
    """A z."""
    return operator.adjoint(z[None])[0]


def adjoints(operator: Halves, first: Vector, second: Vector, third: Vector) -> Basis:
    """A z for three vectors at once, (3, m)."""
    return operator.adjoint(np.stack((first, second, third)))


def start_basis(vectors: Basis, drift: Vector, noise: Vector, scout: Vector) -> Basis:
    """Where :func:`follow` starts, orthonormal, (KEPT + 2, m).

    Args:
        vectors: leading vectors of an earlier call, orthonormal, (KEPT, m).
        drift: what that call returned.
        noise: of unit variance; a little of it enters, so that eigenvectors that no kept vector
            sees are taken up as they grow.
        scout: what that call returned.
    """
    extra = (drift + (_PROBE / len(noise) ** 0.5) * noise).astype(vectors.dtype)
    extra = _orthogonal(_orthogonal(extra, vectors), vectors)  # twice is enough
    start = np.concatenate((vectors, extra.reshape(1, -1)))
    scout = _orthogonal(_orthogonal(scout, start), start)
    return np.concatenate((start, scout.reshape(1, -1)))


def follow(
    operator: Halves, start: Basis, image: Basis, signs: Vector, before: Reference, goal: Goal
) -> Followed:
    """Refine a start space until √λ_max is known to the wanted relative error.

    Args:
        operator: A, whose two halves are :func:`forward` and :func:`adjoint`.
        start: from :func:`start_basis`.
        image: of every start vector, (KEPT + 2, n).
        signs: the probe's, (n,).
        before: from which moves are counted.
        goal: when to stop.
    """
    q, z, size = _room(start), _room(image), len(start)
    t = np.zeros((_BASIS, _BASIS))
    t[:size, :size] = np.dot(image, image.T)
    if not goal.safe_from < np.trace(t[:size, :size]) < goal.safe_to:  # NaN among them
        return _jump(start, before)
    values, s = ritz(t, size)
    y, rest = _combined(z, s[:, -1]), _combined(z, s[:, -KEPT - 1])
    images = adjoints(operator, y, signs, rest)
    probe, power = images[1], images[2]
    residual = images[0] - np.dot(y, y) * _combined(q, s[:, -1])
    theta: float = np.float64(np.dot(y, y))
    length = math.sqrt(np.dot(residual, residual))
    if not length <= goal.give_up_above * theta:
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
    length = math.sqrt(np.float64(np.dot(residual, residual)))
    return _followed(start[:KEPT], q, z, s, values, bound, length, probe, power, before, len(signs))


def _jump(start: Basis, before: Reference) -> Followed:
    vectors = start[:KEPT].copy()
    none = np.zeros_like(vectors[0])
    return Followed(math.nan, math.inf, vectors, np.zeros(KEPT), none, none, before, 0.0, math.inf)


def _orthogonal(vector: Vector, basis: Basis) -> Vector:
    """A unit vector along the part of a vector that is orthogonal to the rows of ``basis``."""
    rest = vector - np.dot(np.dot(basis, vector), basis)
    length = np.sqrt(np.dot(rest, rest))
    return rest / length if length > 0 else rest


def _room(start: Basis) -> Basis:
    room = np.empty((_BASIS, start.shape[1]), start.dtype)
    room[: len(start)] = start
    return room


def ritz(t: NDArray[np.float64], size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ritz values, the largest last, and weights of their vectors in the basis."""
    values, s, _ = dsyevd(t[:size, :size])
    return values, s


def _combined(basis: Basis, weights: NDArray[np.float64]) -> Vector:
    """(m,) of (size,) weights."""
    return np.dot(weights.astype(basis.dtype), basis[: len(weights)])


def _pair(
    operator: Halves, q: Basis, z: Basis, s: NDArray[np.float64], index: int
) -> tuple[float, Vector]:
    """A Ritz value, and the residual of its vector."""
    x, y = _combined(q, s[:, index]), _combined(z, s[:, index])
    theta = np.dot(y, y)
    return np.float64(theta), adjoint(operator, y) - theta * x


def _judge(
    operator: Halves,
    q: Basis,
    z: Basis,
    s: NDArray[np.float64],
    values: NDArray[np.float64],
    theta: float,
    residual: Vector,
    goal: Goal,
) -> tuple[float, bool]:
    """The bound, and whether the goal is met or rounding reached."""
    square = np.float64(np.dot(residual, residual))
    length = math.sqrt(square)
    first = length / (2 * theta)
    aim = 2 * theta * goal.tolerance / _MARGIN
    gap, delta = theta - values[-2], theta - values[-3]
    lifts = square / gap if gap > 0 else math.inf
    near = goal.tolerance < first <= goal.trust and lifts > aim
    if near and square <= aim * delta:  # a close neighbour: its residual decides
        _, other = _pair(operator, q, z, s, -2)
        mixed, others = np.float64(np.dot(residual, other)), np.float64(np.dot(other, other))
        lifts = min(lifts, lift(gap, square, mixed, others, delta))
    met = first <= goal.tolerance or (first <= goal.trust and lifts <= aim)
    rounding = 8 * np.finfo(residual.dtype).eps
    return min(first, lifts / (2 * theta)), bool(met or length <= rounding * theta)


def _append(
    operator: Halves, q: Basis, z: Basis, t: NDArray[np.float64], size: int, residual: Vector
) -> None:
    """The residual, which is orthogonal to the basis but for rounding, and its image."""
    q[size] = _orthogonal(residual / np.sqrt(np.dot(residual, residual)), q[:size])
    z[size] = forward(operator, q[size])
    t[size, : size + 1] = np.dot(z[: size + 1], z[size])
    t[: size + 1, size] = t[size, : size + 1]


def _restart(q: Basis, z: Basis, t: NDArray[np.float64], s: NDArray[np.float64]) -> int:
    """Keep the leading Ritz vectors alone."""
    weights = np.ascontiguousarray(s[:, -_RESTART:].T).astype(q.dtype)
    q[:_RESTART] = np.dot(weights, q[: len(s)])
    z[:_RESTART] = np.dot(weights, z[: len(s)])
    t[:_RESTART, :_RESTART] = np.dot(z[:_RESTART], z[:_RESTART].T)
    return _RESTART


def _followed(
    earlier: Basis,
    q: Basis,
    z: Basis,
    s: NDArray[np.float64],
    values: NDArray[np.float64],
    bound: float,
    length: float,
    probe: Vector,
    power: Vector,
    before: Reference,
    entries: int,
) -> Followed:
    """The leading pairs, where the first has turned to, and its value with sums in float64."""
    size = len(s)
    weights = np.ascontiguousarray(s[:, ::-1][:, :KEPT].T).astype(q.dtype)
    vectors = np.dot(weights, q[:size])
    turn = vectors[0] - np.dot(vectors[0], earlier[0]) * earlier[0]
    turned = np.sqrt(np.dot(turn, turn))
    drift = turn / turned if turned > _STILL else np.zeros_like(turn)
    x, y = vectors[0].astype(np.float64), np.dot(weights[0], z[:size]).astype(np.float64)
    value = np.dot(y, y) / np.dot(x, x)
    change = moved(vectors, probe, before, value)
    scout = ahead(vectors, power, change)
    move = math.sqrt(np.float64(np.dot(change, change)) / value)
    reference = before
    if move > MOVED:
        if stands_still(vectors, probe, before.anchor, value, move, entries):
            return _jump(earlier, before)
        reference = Reference(probe, vectors[0].copy(), value)
    kept = values[::-1][:KEPT].copy()
    return Followed(value, bound, vectors, kept, drift, scout, reference, np.sum(values), length)


def moved(vectors: Basis, probe: Vector, before: Reference, value: float) -> Vector:
    """How the probe changed beside the kept vectors, but for a growth no faster than the norm's.

    With D = A' − aA for any |a| at most the growth of the norm, ‖A'‖ beside the kept vectors is at
    most that of the norm's growth and ‖D‖ (triangle inequality).
    """
    now = probe - np.dot(np.dot(vectors, probe), vectors)
    then = before.probe - np.dot(np.dot(vectors, before.probe), vectors)
    square, most = np.float64(np.dot(then, then)), math.sqrt(value / before.level)
    growth = np.float64(np.dot(now, then)) / square if square > 0 else 0.0
    return now - (min(max(growth, -most), most) * then).astype(probe.dtype)


def stands_still(
    vectors: Basis, probe: Vector, anchor: Vector, value: float, move: float, entries: int
) -> bool:
    """Whether the leading vectors turned less than an unstructured move would have made them.

    A change E of A without structure moves Bx by ‖E‖_F (1 + σ̄/σ)/(σ√n) relative to the eigenvalue
    σ², with σ̄ the root mean square of the singular values.
    """
    left = anchor - np.dot(np.dot(vectors, anchor), vectors)
    short = len(anchor)
    spread = math.sqrt(np.dot(probe, probe) / (short * value))  # σ̄/σ
    expected = move * (1 + spread) / math.sqrt(entries)
    return bool(math.sqrt(np.dot(left, left)) < _STIFF * expected)


def ahead(vectors: Basis, power: Vector, change: Vector) -> Vector:
    """Half a power step of the best vector beside the kept ones, half where the operator moved."""
    step = _orthogonal(power, vectors)
    step = _orthogonal(step + _orthogonal(change, vectors), vectors)
    return _orthogonal(step, vectors)
