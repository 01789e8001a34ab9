"""The warm iteration of flat float32 matrices, compiled by Numba (extra ``fast``).

The algorithm is :mod:`normlaws.norms.spectrum.warm`, compiled as it stands. Here are its products,
each one pass over the matrix where it lies; the first of them takes the sums of the norms along.
Matrices are in C order. Vectors belong to the shorter side: images are combinations of rows where
those are the rows, projections on the rows where they are the columns. Compiled code is kept on
disk, so that only a first use waits for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
from normlaws.norms.spectrum import cold as krylov
from normlaws.norms.spectrum import warm as algorithm
from normlaws.norms.spectrum.warm import KEPT, Basis, Goal, Vector

Matrix = NDArray[np.float32]  # (rows, columns), C order
Totals = NDArray[np.float64]  # (rows,)
Square = NDArray[np.float64]  # (n, n)
Operator = tuple[Matrix, bool]  # whether vectors belong to its rows

_CHUNK = 8192  # columns whose sums are float32, and whose images stay in the cache
# Sums may be reordered; NaN and infinity stay what they are.
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz"},
}
_ALGORITHM = (
    krylov.lift, algorithm.start_basis, algorithm.follow, algorithm._orthogonal, algorithm._room,
    algorithm._combined, algorithm._pair, algorithm._judge, algorithm._append,
    algorithm._restart, algorithm._followed, algorithm._jump,
)  # fmt: skip
for _function in _ALGORITHM:
    register_jitable(_function)


@njit(**_OPTIONS)
def _combine_four(a: Matrix, x: Basis, out: Basis, squares: Totals, sizes: Totals) -> None:
    """x A, (4, columns), and the sums of every row of A."""
    columns = a.shape[1]
    for low in range(0, columns, _CHUNK):
        high = min(columns, low + _CHUNK)
        out[:, low:high] = 0
        parts = out[0, low:high], out[1, low:high], out[2, low:high], out[3, low:high]
        for i in range(0, len(a) - 1, 2):
            sums = _two_rows(a[i, low:high], a[i + 1, low:high], x[:, i], x[:, i + 1], parts)
            squares[i] += sums[0]
            sizes[i] += sums[1]
            squares[i + 1] += sums[2]
            sizes[i + 1] += sums[3]
        if len(a) % 2:
            row, none = a[-1, low:high], np.zeros(4, np.float32)
            sums = _two_rows(row, row, x[:, -1], none, parts)
            squares[-1] += sums[0]
            sizes[-1] += sums[1]


@njit(**_OPTIONS)
def _two_rows(
    row: Vector, other: Vector, x: Vector, y: Vector, parts: tuple[Vector, ...]
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Add x · row + y · other to the four parts; sums of the squares and sizes of both rows."""
    x0, x1, x2, x3 = x[0], x[1], x[2], x[3]
    y0, y1, y2, y3 = y[0], y[1], y[2], y[3]
    part0, part1, part2, part3 = parts
    square, size = np.float32(0), np.float32(0)
    square_other, size_other = np.float32(0), np.float32(0)
    for j in range(len(row)):
        v, w = row[j], other[j]
        part0[j] += x0 * v + y0 * w
        part1[j] += x1 * v + y1 * w
        part2[j] += x2 * v + y2 * w
        part3[j] += x3 * v + y3 * w
        square += v * v
        size += abs(v)
        square_other += w * w
        size_other += abs(w)
    return square, size, square_other, size_other


@njit(**_OPTIONS)
def _project_four(a: Matrix, x: Basis, out: Basis, squares: Totals, sizes: Totals) -> None:
    """x Aᵀ, (4, rows), and the sums of every row of A."""
    x0, x1, x2, x3 = x[0], x[1], x[2], x[3]
    for i in range(len(a)):
        row = a[i]
        y0, y1, y2, y3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        square, size = np.float32(0), np.float32(0)
        for j in range(len(row)):
            v = row[j]
            y0 += x0[j] * v
            y1 += x1[j] * v
            y2 += x2[j] * v
            y3 += x3[j] * v
            square += v * v
            size += abs(v)
        out[0, i], out[1, i], out[2, i], out[3, i] = y0, y1, y2, y3
        squares[i] += square
        sizes[i] += size


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
def _forward(operator: Operator, x: Vector) -> Callable:
    def product(operator: Operator, x: Vector) -> Vector:
        a, by_rows = operator
        return _combine(a, x) if by_rows else _project(a, x)

    return product


@overload(algorithm.adjoint, jit_options=_OPTIONS)
def _adjoint(operator: Operator, z: Vector) -> Callable:
    def product(operator: Operator, z: Vector) -> Vector:
        a, by_rows = operator
        return _project(a, z) if by_rows else _combine(a, z)

    return product


@overload(algorithm.ritz, jit_options=_OPTIONS)
def _ritz(t: Square, size: int) -> Callable:
    def pairs(t: Square, size: int) -> tuple[Vector, Square]:
        return np.linalg.eigh(np.ascontiguousarray(t[:size, :size]))

    return pairs


@njit(**_OPTIONS)
def _follow_one(operator, vectors, values, drift, noise, goal, result):  # type: ignore[no-untyped-def]
    a, by_rows = operator
    start = algorithm.start_basis(vectors, drift, noise)
    image = np.empty((len(start), a.shape[1] if by_rows else a.shape[0]), np.float32)
    squares, sizes = np.zeros(len(a)), np.zeros(len(a))
    if by_rows:
        _combine_four(a, start, image, squares, sizes)
    else:
        _project_four(a, start, image, squares, sizes)
    found = algorithm.follow(operator, start, image, goal)
    result[0], result[1] = found.value, found.bound
    result[2], result[3], result[4] = np.sqrt(squares).sum(), squares.sum(), sizes.sum()
    if not math.isnan(found.value):
        vectors[:], values[:], drift[:] = found.vectors, found.values, found.drift


@intrinsic
def _pointer(typing_context, address):  # type: ignore[no-untyped-def]
    """An address as a pointer."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


def _compile(sources: str) -> Callable[[NDArray[np.int64], Goal, NDArray[np.float64]], None]:
    """All matrices in one call, which costs more than a product of a small one.

    Numba's cache on disk knows a function by its own file and by what it closes over: the sources
    of all that is called.
    """

    @njit(cache=True, **_OPTIONS)
    def follow_all(table, goal, results):  # type: ignore[no-untyped-def]
        len(sources)
        for index in range(len(table)):
            rows, columns, by_rows = table[index, 0], table[index, 1], table[index, 2] == 1
            short = rows if by_rows else columns
            a = carray(_pointer(table[index, 3]), (rows, columns), np.float32)
            vectors = carray(_pointer(table[index, 4]), (KEPT, short), np.float32)
            values = carray(_pointer(table[index, 5]), (KEPT,), np.float64)
            drift = carray(_pointer(table[index, 6]), (short,), np.float32)
            noise = carray(_pointer(table[index, 7]), (short,), np.float32)
            _follow_one((a, by_rows), vectors, values, drift, noise, goal, results[index])

    return follow_all


_SOURCES = (__file__, algorithm.__file__, krylov.__file__)
_follow_all = _compile("".join(Path(source).read_text() for source in _SOURCES))


class Found(NamedTuple):
    """What one call found for one matrix.

    Attributes:
        value: λ_max; NaN for a jump.
        bound: on the relative error of its root.
        sums: over the rows; None where the matrix is stored column by column.
    """

    value: float
    bound: float
    sums: Sums | None


def follow_matrices(
    blocks: Sequence[Tensor],
    kept: Sequence[krylov.Kept],
    random: np.random.Generator,
    goal: Goal,
) -> list[Found]:
    """What :func:`normlaws.norms.spectrum.warm.follow` does, for several matrices.

    Args:
        blocks: (1, rows, columns), float32, in this machine's memory; copied only where neither
            rows nor columns lie one after the other.
        kept: their pairs of an earlier call, replaced in place unless the matrix has jumped.
        random: for the noise of every start.
        goal: when to stop.

    Raises:
        ValueError: a matrix or what was kept has another type, order or shape.
    """
    stored = [_stored(block) for block in blocks]
    noise = random.standard_normal(sum(each.short for each in stored), np.float32)
    table = np.empty((len(stored), 8), np.int64)
    at = noise.ctypes.data
    for index, (each, pairs) in enumerate(zip(stored, kept, strict=True)):
        short, *addresses = _addresses(pairs)
        if short != each.short:
            raise ValueError(f"expected pairs of vectors of {each.short}, got vectors of {short}")
        table[index] = (*each.shape, each.by_rows, each.tensor.data_ptr(), *addresses, at)
        at += short * noise.itemsize
    results = np.empty((len(stored), 5))
    _follow_all(table, goal, results)
    return [
        Found(value, bound, None if each.turned else Sums(*sums))
        for each, (value, bound, *sums) in zip(stored, results.tolist(), strict=True)
    ]


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


_known: WeakKeyDictionary[krylov.Kept, tuple[int, int, int, int]] = WeakKeyDictionary()


def _addresses(kept: krylov.Kept) -> tuple[int, int, int, int]:
    """Length of the vectors, and addresses of vectors, values and drift; checked when first seen.

    Compiled code goes by addresses alone; asking NumPy for one takes as long as a small product.
    """
    known = _known.get(kept)
    if known is None:
        known = _known[kept] = _checked(kept)
    return known


def _checked(kept: krylov.Kept) -> tuple[int, int, int, int]:
    arrays = kept.vectors, kept.values, kept.drift
    short = kept.drift.shape[-1]
    shapes = [array.shape for array in arrays]
    types = [array.dtype.name for array in arrays]
    if (
        shapes != [(1, KEPT, short), (1, KEPT), (1, short)]
        or types != ["float32", "float64", "float32"]
        or not all(array.flags.c_contiguous and array.flags.writeable for array in arrays)
    ):
        raise ValueError(f"expected {KEPT} pairs of one matrix in C order, got {shapes} {types}")
    vectors, values, drift = (array.ctypes.data for array in arrays)
    return short, vectors, values, drift
