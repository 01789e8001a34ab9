"""The warm iteration of flat float32 matrices, compiled by Numba (extra ``fast``).

The algorithm is :mod:`normlaws.norms.spectrum.warm`, compiled as it stands. Here are its products,
each one pass over the matrix where it lies; the first of them takes the sums of the norms along.
Matrices are in C order. Vectors belong to the shorter side: images are combinations of rows where
those are the rows, projections on the rows where they are the columns. Compiled code is kept on
disk, so that only a first use waits for it.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numba import carray, njit, types
from numba.extending import intrinsic, overload, register_jitable
from numpy.typing import NDArray
from torch import Tensor

from normlaws.norms.operators.sums import Sums
from normlaws.norms.spectrum import ritz as steps
from normlaws.norms.spectrum import warm as algorithm
from normlaws.norms.spectrum import watch
from normlaws.norms.spectrum.kept import KEPT, Kept
from normlaws.norms.spectrum.warm import Goal
from normlaws.norms.spectrum.watch import Basis, Reference, Vector

Matrix = NDArray[np.float32]  # (rows, columns), C order
Totals = NDArray[np.float64]  # (rows,)
Square = NDArray[np.float64]  # (n, n)
Operator = tuple[Matrix, bool]  # whether vectors belong to its rows

_ROTATED_UP_TO = 10
_SWEEPS = 30
_CHUNK = 8192  # columns whose sums are float32, and whose images stay in the cache
# Sums may be reordered; NaN and infinity stay what they are.
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz"},
}
_ALGORITHM = (
    steps.lift, steps.judged, watch.orthogonal, watch.moved, watch.stands_still, watch.watched,
    algorithm.start_basis, algorithm.follow, algorithm._room, algorithm._length,
    algorithm._combined, algorithm._rayleigh, algorithm._turn, algorithm._pair, algorithm._judge,
    algorithm._append, algorithm._restart, algorithm._jump,
)  # fmt: skip
for _function in _ALGORITHM:
    register_jitable(_function)


@njit(**_OPTIONS)
def _combine_five(a: Matrix, x: Basis, out: Basis, squares: Totals, sizes: Totals) -> None:
    """x A, (5, columns), and the sums of every row of A."""
    columns = a.shape[1]
    none = np.zeros(5, np.float32)
    for low in range(0, columns, _CHUNK):
        high = min(columns, low + _CHUNK)
        out[:, low:high] = 0
        part0, part1, part2 = out[0, low:high], out[1, low:high], out[2, low:high]
        part3, part4 = out[3, low:high], out[4, low:high]
        for i in range(0, len(a), 2):
            paired = i + 1 < len(a)
            row, other = a[i, low:high], a[i + 1 if paired else i, low:high]
            y = x[:, i + 1] if paired else none
            x0, x1, x2, x3, x4 = x[0, i], x[1, i], x[2, i], x[3, i], x[4, i]
            y0, y1, y2, y3, y4 = y[0], y[1], y[2], y[3], y[4]
            square, size = np.float32(0), np.float32(0)
            square_other, size_other = np.float32(0), np.float32(0)
            for j in range(len(row)):
                v, w = row[j], other[j]
                part0[j] += x0 * v + y0 * w
                part1[j] += x1 * v + y1 * w
                part2[j] += x2 * v + y2 * w
                part3[j] += x3 * v + y3 * w
                part4[j] += x4 * v + y4 * w
                square += v * v
                size += abs(v)
                square_other += w * w
                size_other += abs(w)
            squares[i] += square
            sizes[i] += size
            if paired:
                squares[i + 1] += square_other
                sizes[i + 1] += size_other


@njit(**_OPTIONS)
def _project_five(a: Matrix, x: Basis, out: Basis, squares: Totals, sizes: Totals) -> None:
    """x Aᵀ, (5, rows), and the sums of every row of A."""
    x0, x1, x2, x3, x4 = x[0], x[1], x[2], x[3], x[4]
    for i in range(len(a)):
        row = a[i]
        y0, y1, y2 = np.float32(0), np.float32(0), np.float32(0)
        y3, y4 = np.float32(0), np.float32(0)
        square, size = np.float32(0), np.float32(0)
        for j in range(len(row)):
            v = row[j]
            y0 += x0[j] * v
            y1 += x1[j] * v
            y2 += x2[j] * v
            y3 += x3[j] * v
            y4 += x4[j] * v
            square += v * v
            size += abs(v)
        out[0, i], out[1, i], out[2, i], out[3, i], out[4, i] = y0, y1, y2, y3, y4
        squares[i] += square
        sizes[i] += size


@njit(**_OPTIONS)
def _combine_two(a: Matrix, x: Vector, y: Vector) -> Basis:
    """Two vectors times A, (2, columns)."""
    rows, columns = a.shape
    out = np.zeros((2, columns), np.float32)
    for low in range(0, columns, _CHUNK):
        high = min(columns, low + _CHUNK)
        part0, part1 = out[0, low:high], out[1, low:high]
        for i in range(0, rows - 1, 2):
            row, other = a[i, low:high], a[i + 1, low:high]
            x0, y0, x1, y1 = x[i], y[i], x[i + 1], y[i + 1]
            for j in range(len(row)):
                v, w = row[j], other[j]
                part0[j] += x0 * v + x1 * w
                part1[j] += y0 * v + y1 * w
        if rows % 2:
            row, x0, y0 = a[-1, low:high], x[-1], y[-1]
            for j in range(len(row)):
                part0[j] += x0 * row[j]
                part1[j] += y0 * row[j]
    return out


@njit(**_OPTIONS)
def _project_two(a: Matrix, x: Vector, y: Vector) -> Basis:
    """A times two vectors, (2, rows)."""
    rows = len(a)
    out = np.empty((2, rows), np.float32)
    for i in range(0, rows, 2):
        j_other = min(i + 1, rows - 1)
        row, other = a[i], a[j_other]
        x0, y0, x1, y1 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for j in range(len(x)):
            v, w = row[j], other[j]
            x0 += x[j] * v
            x1 += x[j] * w
            y0 += y[j] * v
            y1 += y[j] * w
        out[0, j_other], out[1, j_other] = x1, y1
        out[0, i], out[1, i] = x0, y0
    return out


@njit(**_OPTIONS)
def _combine(a: Matrix, x: Vector) -> Vector:
    """x A, (columns,)."""
    rows, columns = a.shape
    out = np.zeros(columns, np.float32)
    for low in range(0, columns, _CHUNK):
        part = out[low : low + _CHUNK]
        i = 0
        while i + 4 <= rows:
            row0, row1 = a[i, low : low + _CHUNK], a[i + 1, low : low + _CHUNK]
            row2, row3 = a[i + 2, low : low + _CHUNK], a[i + 3, low : low + _CHUNK]
            x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
            for j in range(len(part)):
                part[j] += x0 * row0[j] + x1 * row1[j] + x2 * row2[j] + x3 * row3[j]
            i += 4
        while i < rows:
            row = a[i, low : low + _CHUNK]
            for j in range(len(part)):
                part[j] += x[i] * row[j]
            i += 1
    return out


@njit(**_OPTIONS)
def _project(a: Matrix, x: Vector) -> Vector:
    """A x, (rows,)."""
    rows = len(a)
    out = np.empty(rows, np.float32)
    i = 0
    while i + 4 <= rows:
        row0, row1, row2, row3 = a[i], a[i + 1], a[i + 2], a[i + 3]
        y0, y1, y2, y3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for j in range(len(x)):
            v = x[j]
            y0 += row0[j] * v
            y1 += row1[j] * v
            y2 += row2[j] * v
            y3 += row3[j] * v
        out[i], out[i + 1], out[i + 2], out[i + 3] = y0, y1, y2, y3
        i += 4
    while i < rows:
        row, y = a[i], np.float32(0)
        for j in range(len(x)):
            y += row[j] * x[j]
        out[i] = y
        i += 1
    return out


@overload(algorithm.forward, jit_options=_OPTIONS)
def _forward(operator: Operator, x: Vector) -> Callable[..., Vector]:
    def product(operator: Operator, x: Vector) -> Vector:
        a, by_rows = operator
        return _combine(a, x) if by_rows else _project(a, x)

    return product


@overload(algorithm.adjoint, jit_options=_OPTIONS)
def _adjoint(operator: Operator, z: Vector) -> Callable[..., Vector]:
    def product(operator: Operator, z: Vector) -> Vector:
        a, by_rows = operator
        return _project(a, z) if by_rows else _combine(a, z)

    return product


@overload(algorithm.adjoints, jit_options=_OPTIONS)
def _adjoints(operator: Operator, first: Vector, second: Vector) -> Callable[..., Basis]:
    def products(operator: Operator, first: Vector, second: Vector) -> Basis:
        a, by_rows = operator
        return _project_two(a, first, second) if by_rows else _combine_two(a, first, second)

    return products


@overload(steps.ritz, jit_options=_OPTIONS)
def _ritz(t: Square, size: int) -> Callable[..., tuple[Vector, Square]]:
    def pairs(t: Square, size: int) -> tuple[Vector, Square]:
        a = t[:size, :size].copy()
        return _jacobi(a) if size <= _ROTATED_UP_TO else np.linalg.eigh(a)

    return pairs


@njit(**_OPTIONS)
def _jacobi(a: Square) -> tuple[Vector, Square]:
    """Eigenvalues in ascending order, and eigenvectors, by cyclic rotations of ``a`` in place.

    Golub & Van Loan, Matrix Computations, 8.5. LAPACK takes three times as long for so few rows.
    """
    n = len(a)
    vectors = np.eye(n)
    for _ in range(_SWEEPS):
        off, whole = 0.0, 0.0
        for p in range(n):
            whole += a[p, p] * a[p, p]
            for q in range(p + 1, n):
                off += a[p, q] * a[p, q]
        if not off > 1e-32 * whole:
            break
        for p in range(n - 1):
            for q in range(p + 1, n):
                if a[p, q] == 0:
                    continue
                ratio = (a[q, q] - a[p, p]) / (2 * a[p, q])
                tangent = 1 / (abs(ratio) + math.sqrt(ratio * ratio + 1))
                if ratio < 0:
                    tangent = -tangent
                cosine = 1 / math.sqrt(tangent * tangent + 1)
                sine = tangent * cosine
                for k in range(n):
                    x, y = a[k, p], a[k, q]
                    a[k, p], a[k, q] = cosine * x - sine * y, sine * x + cosine * y
                for k in range(n):
                    x, y = a[p, k], a[q, k]
                    a[p, k], a[q, k] = cosine * x - sine * y, sine * x + cosine * y
                    x, y = vectors[k, p], vectors[k, q]
                    vectors[k, p], vectors[k, q] = cosine * x - sine * y, sine * x + cosine * y
    values = np.diag(a).copy()
    order = np.argsort(values)
    return values[order], vectors[:, order]


@njit(**_OPTIONS)
def _follow_one(operator, kept, noise, signs, goal, result):  # type: ignore[no-untyped-def]
    a, by_rows = operator
    vectors, values, drift, scout, probe, anchor, level = kept
    start = algorithm.start_basis(vectors, drift, noise, scout)
    image = np.empty((len(start), a.shape[1] if by_rows else a.shape[0]), np.float32)
    squares, sizes = np.zeros(len(a)), np.zeros(len(a))
    if by_rows:
        _combine_five(a, start, image, squares, sizes)
    else:
        _project_five(a, start, image, squares, sizes)
    before = Reference(probe, anchor, level[0])
    found = algorithm.follow(operator, start, image, signs, before, goal)
    result[0], result[1] = found.value, found.bound
    result[2], result[3], result[4] = np.sqrt(squares).sum(), squares.sum(), sizes.sum()
    if squares.max() > found.value * (1 + 16 * goal.tolerance):  # no row is longer than the norm
        result[0] = math.nan
    elif not math.isnan(found.value):
        vectors[:], values[:], drift[:] = found.vectors, found.values, found.drift
        scout[:], probe[:] = found.scout, found.reference.probe
        anchor[:], level[0] = found.reference.anchor, found.reference.level
        result[5], result[6] = found.captured, found.residual


@intrinsic
def _pointer(typing_context, address):  # type: ignore[no-untyped-def]
    """An address as a pointer."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


def _compile(sources: str) -> Callable[[NDArray[np.int64], Vector, Goal, Square], None]:
    """All matrices in one call, which costs more than a product of a small one.

    Numba's cache on disk knows a function by its own file and by what it closes over: the sources
    of all that is called.
    """

    @njit(cache=True, **_OPTIONS)
    def follow_all(table, signs, goal, results):  # type: ignore[no-untyped-def]
        len(sources)
        for index in range(len(table)):
            rows, columns, by_rows = table[index, 0], table[index, 1], table[index, 2] == 1
            short = rows if by_rows else columns
            a = carray(_pointer(table[index, 3]), (rows, columns), np.float32)
            kept = (
                carray(_pointer(table[index, 4]), (KEPT, short), np.float32),
                carray(_pointer(table[index, 5]), (KEPT,), np.float64),
                carray(_pointer(table[index, 6]), (short,), np.float32),
                carray(_pointer(table[index, 7]), (short,), np.float32),
                carray(_pointer(table[index, 8]), (short,), np.float32),
                carray(_pointer(table[index, 9]), (short,), np.float32),
                carray(_pointer(table[index, 10]), (1,), np.float64),
            )
            noise = carray(_pointer(table[index, 11]), (short,), np.float32)
            long = columns if by_rows else rows
            _follow_one((a, by_rows), kept, noise, signs[:long], goal, results[index])

    return follow_all


_SOURCES = (__file__, algorithm.__file__, steps.__file__, watch.__file__)
_follow_all = _compile("".join(Path(source).read_text() for source in _SOURCES))


class Refined(NamedTuple):
    """What one call found for one matrix.

    Attributes:
        value: λ_max; NaN for a jump.
        bound: on the relative error of its root.
        squares: ‖A‖_F².
        captured: trace of A Aᵀ within the subspace.
        residual: length of the residual of the first vector.
        second: second largest Ritz value.
        sums: over the rows; None where the matrix is stored column by column.
    """

    value: float
    bound: float
    squares: float
    captured: float
    residual: float
    second: float
    sums: Sums | None


def follow_matrices(
    blocks: Sequence[Tensor],
    kept: Sequence[Kept],
    random: np.random.Generator,
    signs: Vector,
    goal: Goal,
) -> list[Refined]:
    """What :func:`normlaws.norms.spectrum.warm.follow` does, for several matrices.

    Args:
        blocks: (1, rows, columns), float32, in this machine's memory; copied only where neither
            rows nor columns lie one after the other.
        kept: their pairs of an earlier call, replaced in place unless the matrix has jumped.
        random: for the noise of every start.
        signs: of the probes, as many as the longest side.
        goal: when to stop.

    Raises:
        ValueError: a matrix or what was kept has another type, order or shape.
    """
    stored = [_stored(block) for block in blocks]
    noise = random.standard_normal(sum(each.short for each in stored), np.float32)
    if len(signs) < max(max(each.shape) for each in stored) or signs.dtype != np.float32:
        raise ValueError(f"expected float32 signs for every row, got {len(signs)} {signs.dtype}")
    rows, at = [], noise.ctypes.data
    for each, pairs in zip(stored, kept, strict=True):
        short, *addresses = _addresses(pairs)
        if short != each.short:
            raise ValueError(f"expected pairs of vectors of {each.short}, got vectors of {short}")
        rows.append((*each.shape, each.by_rows, each.tensor.data_ptr(), *addresses, at))
        at += short * noise.itemsize
    table = np.array(rows, np.int64)
    results = np.empty((len(stored), 7))
    _follow_all(table, signs, goal, results)
    return [
        Refined(
            value, bound, sums[1], captured, residual, float(pairs.values[0, 1]),
            None if each.turned else Sums(*sums),
        )
        for each, pairs, (value, bound, *sums, captured, residual) in zip(
            stored, kept, results.tolist(), strict=True
        )
    ]  # fmt: skip


class _Stored(NamedTuple):
    """A matrix, or its transpose if that is what lies row by row.

    Attributes:
        short: the length of its vectors.
        by_rows: whether they belong to the rows of what is stored.
    """

    shape: tuple[int, int]
    turned: bool
    short: int
    by_rows: bool
    tensor: Tensor


def _stored(block: Tensor) -> _Stored:
    groups, rows, columns = block.shape
    if groups != 1 or block.dtype != torch.float32 or block.device.type != "cpu":
        raise ValueError(
            "expected a float32 matrix (1, rows, columns) on the CPU, got "
            f"{tuple(block.shape)} {block.dtype} on {block.device}"
        )
    wide, short = rows <= columns, min(rows, columns)
    if not block.is_contiguous() and block.stride()[1:] == (1, rows):
        return _Stored((columns, rows), True, short, not wide, block)
    return _Stored((rows, columns), False, short, wide, block.contiguous())


_known: WeakKeyDictionary[Kept, tuple[int, ...]] = WeakKeyDictionary()


def _addresses(kept: Kept) -> tuple[int, ...]:
    """Length of the vectors, and addresses of all that is kept; checked when first seen.

    Compiled code goes by addresses alone; asking NumPy for one takes as long as a small product.
    """
    known = _known.get(kept)
    if known is None:
        known = _known[kept] = _checked(kept)
    return known


def _checked(kept: Kept) -> tuple[int, ...]:
    arrays = [getattr(kept, part.name) for part in fields(kept)]
    short = kept.drift.shape[-1]
    line = (1, short)
    shapes = [array.shape for array in arrays]
    types = [array.dtype.name for array in arrays]
    if (
        shapes != [(1, KEPT, short), (1, KEPT), line, line, line, line, (1,)]
        or types != ["float32", "float64", *["float32"] * 4, "float64"]
        or not all(array.flags.c_contiguous and array.flags.writeable for array in arrays)
    ):
        raise ValueError(f"expected {KEPT} pairs of one matrix in C order, got {shapes} {types}")
    return short, *(array.ctypes.data for array in arrays)
