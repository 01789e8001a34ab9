"""What watches the rest of an operator while a few leading vectors are followed.

Pairs that stay exact say nothing about a direction beside them. Two vectors more therefore take
part. A *scout*, the best vector beside the kept ones, turns at every call towards where the
operator has moved. A *probe*, the image of fixed random signs s, tells how far that was:
E‖ΔA s‖² = ‖ΔA‖_F². If the operator moved and the kept vectors stood still, far stiller than a
change without structure would have left them, nothing can be said about the rest.

Written in what NumPy and Numba both run.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.floating]  # (n,)
Basis = NDArray[np.floating]  # (vectors, n)

MOVED = 2.5e-3
"""Move of the rest, relative to the norm, from which its cause matters."""

_STIFF = (
    0.2  # share of the turn that an unstructured move brings about below which it has structure
)


class Reference(NamedTuple):
    """An earlier state of the operator, from which its moves are counted.

    Attributes:
        probe: image of the random signs, (n,).
        anchor: leading vector, (n,).
        level: its eigenvalue.
    """

    probe: Vector
    anchor: Vector
    level: float


class Watched(NamedTuple):
    """What the watch of one call says.

    Attributes:
        still: the operator moved beside vectors that stood still: they say nothing any more.
        scout: where else to look at the next call, a unit vector or zeros.
        reference: from which the next moves are counted.
    """

    still: bool
    scout: Vector
    reference: Reference


def watched(
    vectors: Basis,
    rest: Vector,
    probe: Vector,
    before: Reference,
    value: float,
    norm: float,
    outputs: int,
) -> Watched:
    """Where to look at the next call, and whether that is needed at all.

    Args:
        vectors: the leading vectors now, orthonormal.
        rest: the best vector beside them.
        probe: the image of the random signs now.
        before: from which moves are counted.
        value: the largest eigenvalue now.
        norm: the same of all groups, with which a move is compared.
        outputs: number of random signs.
    """
    change = moved(vectors, probe, before, value)
    move = math.sqrt(np.float64(np.dot(change, change)) / norm)
    step = orthogonal(rest, vectors)
    step = orthogonal(step + orthogonal(change, vectors), vectors)
    scout = orthogonal(step, vectors)
    if not move > MOVED:
        return Watched(False, scout, before)
    if stands_still(vectors, probe, before.anchor, value, move, outputs):
        return Watched(True, scout, before)
    return Watched(False, scout, Reference(probe, vectors[0].copy(), value))


def moved(vectors: Basis, probe: Vector, before: Reference, value: float) -> Vector:
    """How the probe changed beside the kept vectors, but for a growth no faster than the norm's.

    With D = A' − aA for any |a| at most the growth of the norm, ‖A'‖ beside the kept vectors is at
    most that of the norm's growth and ‖D‖ (triangle inequality).
    """
    now = probe - np.dot(np.dot(vectors, probe), vectors)
    then = before.probe - np.dot(np.dot(vectors, before.probe), vectors)
    square, most = np.float64(np.dot(then, then)), math.sqrt(value / before.level)
    growth = np.float64(np.dot(now, then)) / square if square > 0 else 0.0
    found: Vector = now - (min(max(growth, -most), most) * then).astype(probe.dtype)
    return found


def stands_still(
    vectors: Basis, probe: Vector, anchor: Vector, value: float, move: float, outputs: int
) -> bool:
    """Whether the leading vectors turned less than an unstructured move would have made them.

    A change E of A without structure moves Bx by ‖E‖_F (1 + σ̄/σ)/(σ√n) relative to the eigenvalue
    σ², with σ̄ the root mean square of the singular values.
    """
    left = anchor - np.dot(np.dot(vectors, anchor), vectors)
    spread = math.sqrt(np.dot(probe, probe) / (len(anchor) * value))  # σ̄/σ
    expected = move * (1 + spread) / math.sqrt(outputs)
    return bool(math.sqrt(np.dot(left, left)) < _STIFF * expected)


def orthogonal(vector: Vector, basis: Basis) -> Vector:
    """A unit vector along the part of a vector that is orthogonal to the rows of ``basis``."""
    rest = vector - np.dot(np.dot(basis, vector), basis)
    length = np.sqrt(np.dot(rest, rest))
    found: Vector = rest / length if length > 0 else rest
    return found
