"""Largest singular values of operators in memory or on a device, from nothing or from what is kept.

:mod:`normlaws.norms.spectrum.warm_numba` does the second for flat matrices in compiled code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from normlaws.norms.operators import Blocks, Flat, Operator
from normlaws.norms.operators.operator import Vectors
from normlaws.norms.spectrum.cold import Ritz, orthonormal, top_ritz
from normlaws.norms.spectrum.kept import KEPT, Found, Kept
from normlaws.norms.spectrum.warm import Goal, follow, start_basis
from normlaws.norms.spectrum.watch import Reference, Vector, orthogonal, watched

_COLD_VECTORS = 8
_COLD_BLOCKS = 5  # times that they all advance, so as not to lock onto a lower pair
_COLD_BASIS = 56
_COLD_TRUST = 3e-6
_TURNS = 3  # calls in which scout and probe take part once, where products are expensive


def batches(operators: Sequence[Operator]) -> list[list[int]]:
    """Places of operators whose cold starts can advance together: matrices of one shape."""
    found: dict[object, list[int]] = {}
    for place, each in enumerate(operators):
        alike = (each.matrix.shape, each.matrix.device) if isinstance(each, Flat) else place
        found.setdefault(alike, []).append(place)
    return list(found.values())


def cold(
    batch: Sequence[Operator], signs: Vector, tolerance: float, random: np.random.Generator
) -> list[Found]:
    """From several random vectors, to a tenth of the wanted error.

    Args:
        batch: operators that go together, see :func:`batches`.
        signs: the probe's, (outputs,).
        tolerance: wanted relative error of the singular values.
        random: of the start vectors.
    """
    matrices = [each.matrix for each in batch if isinstance(each, Flat)]
    operator = Blocks(matrices) if len(batch) > 1 else batch[0]
    shape = (operator.groups, min(_COLD_VECTORS, operator.inputs), operator.inputs)
    start = random.standard_normal(shape, dtype=np.float32)
    found = top_ritz(
        operator,
        orthonormal(start.astype(operator.kind)),
        tolerance / 10,
        blocks=_COLD_BLOCKS,
        keep=KEPT + 1,
        basis=_COLD_BASIS,
        largest_only=batch[0].groups > 1,
        trust=_COLD_TRUST,
    )
    probe = _probe(operator, signs)
    rest = np.stack([_fourth(found, group) for group in range(operator.groups)])
    none = np.zeros_like(probe)
    parts = np.split(np.arange(operator.groups), len(batch))
    kept = Kept(
        found.vectors[:, :KEPT], found.pairs[:, :KEPT], none, rest, probe, found.vectors[:, 0],
        found.values,
    )  # fmt: skip
    return [_of_groups(found, kept, part) for part in parts]


def warm(
    operator: Operator,
    kept: Kept,
    signs: Vector,
    goal: Goal,
    random: np.random.Generator,
    call: int,
) -> Found | None:
    """From the kept pairs; None for a jump.

    Scout and probe watch the rest at every call; where products are expensive, the one, the other
    and neither in turn.

    Args:
        operator: near the one of which they are.
        kept: what was kept of it.
        signs: the probe's, (outputs,).
        goal: when to stop.
        random: of the noise in the start.
        call: number of the call.
    """
    noise = random.standard_normal(kept.drift.shape, dtype=np.float32)
    if operator.groups > 1:
        return _warm_groups(operator, kept, signs, goal, noise)
    before = Reference(kept.probe[0], kept.anchor[0], kept.level[0])
    start = start_basis(kept.vectors[0], kept.drift[0], noise[0], kept.scout[0])
    scouting = not operator.in_turns or call % _TURNS == 0
    if not scouting:
        start = start[:-1]
    if operator.in_turns and call % _TURNS != 1:
        signs = signs[:0]
    image = operator.forward(start[None])[0]
    found = follow(operator, start, image, signs, before, goal)
    if math.isnan(found.value):
        return None
    scout = found.scout
    if not scouting:
        scout = orthogonal(kept.scout[0] + scout, found.vectors)
    parts = (found.vectors, found.values, found.drift, scout, *found.reference)
    second = float(found.values[1]) if len(found.values) > 1 else 0.0
    return Found(
        found.value, found.bound, second, found.residual, found.captured,
        Kept(*(np.array(part)[None] for part in parts)),
    )  # fmt: skip


def _warm_groups(
    operator: Operator,
    kept: Kept,
    signs: Vector,
    goal: Goal,
    noise: NDArray[np.float32],
) -> Found | None:
    """All groups at once, by full products, as a grouped convolution takes them."""
    start = [kept.vectors, noise[:, None].astype(kept.vectors.dtype), kept.scout[:, None]]
    found = top_ritz(
        operator,
        orthonormal(np.concatenate(start, axis=1)[:, : operator.inputs]),
        goal.tolerance,
        keep=KEPT + 1,
        largest_only=True,
        trust=goal.trust,
    )
    if not (found.first_residuals <= goal.give_up_above).all():
        return None
    new = _watched_groups(found, _probe(operator, signs), kept, len(signs))
    return None if new is None else _of_groups(found, new, np.arange(operator.groups))


def _watched_groups(found: Ritz, probe: Vectors, before: Kept, outputs: int) -> Kept | None:
    """What is kept of every group; None where one moved beside its vectors, which stood still."""
    vectors = found.vectors[:, :KEPT]
    scout, probes = np.zeros_like(before.scout), before.probe.copy()
    anchors, levels = before.anchor.copy(), before.level.copy()
    top = float(found.values.max())
    for index, value in enumerate(found.values):
        if not (value > 0 and levels[index] > 0):
            if value > 0:
                return None
            continue
        rest = _fourth(found, index)
        earlier = Reference(probes[index], anchors[index], levels[index])
        seen = watched(vectors[index], rest, probe[index], earlier, value, top, outputs)
        if seen.still:
            return None
        scout[index] = seen.scout
        probes[index], anchors[index], levels[index] = seen.reference
    drift, pairs = np.zeros_like(scout), found.pairs[:, :KEPT]
    return Kept(vectors, pairs, drift, scout, probes, anchors, levels)


def _probe(operator: Operator, signs: Vector) -> Vectors:
    """The image of the random signs in every group, (groups, inputs)."""
    return operator.adjoint(np.tile(signs, (operator.groups, 1, 1)))[:, 0]


def _fourth(found: Ritz, group: int) -> Vector:
    """The first Ritz vector that is not kept; zeros where the vectors kept span everything."""
    vectors = found.vectors[group]
    return vectors[KEPT] if len(vectors) > KEPT else np.zeros_like(vectors[0])


def _of_groups(found: Ritz, kept: Kept, part: NDArray[np.int64]) -> Found:
    """The largest of some of the groups."""
    values = found.values[part]
    top = part[int(np.argmax(values))]
    pairs = np.sort(kept.values[part], axis=None)
    own = Kept(*(np.ascontiguousarray(getattr(kept, each.name)[part]) for each in fields(Kept)))
    return Found(
        float(found.values[top]), float(found.errors[top]),
        float(pairs[-2]) if len(pairs) > 1 else 0.0,
        float(found.residuals[top]), float(found.captured[part].sum()), own,
    )  # fmt: skip
