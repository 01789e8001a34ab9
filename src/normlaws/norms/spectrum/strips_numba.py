"""AᵀA times four vectors in one pass over a bfloat16 matrix, compiled by Numba (extra ``fast``).

Four rows at a time stay in the fastest cache for both halves of the product, and are widened to
float32 in registers. NumPy, which writes them out, takes twice as long. Compiled code is kept on
disk.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Vectors = NDArray[np.float32]  # (4, n)

VECTORS = 4
_CHUNK = 256  # rows whose images are added up before they are added to the rest
_APART = 48  # entries between vectors, without which powers of two evict each other from the cache
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz"},
}


@njit(inline="always", **_OPTIONS)
def _wide(bits: np.uint16) -> np.float32:
    """Bfloat16 is the upper half of a float32."""
    return np.uint32(np.uint32(bits) << np.uint32(16)).view(np.float32)


@njit(**_OPTIONS)
def gram(bits: NDArray[np.uint16], x: Vectors, low: int, high: int) -> Vectors:
    """AᵀA x of the rows from ``low`` to ``high``, (4, n).

    Args:
        bits: of A, (m, n), in C order.
        x: four vectors.
        low: first row.
        high: the one after the last.
    """
    n, none = x.shape[1], np.float32(0)
    found, room = np.zeros((4, n), np.float32), np.empty((8, n + _APART), np.float32)
    room[:4, :n] = x
    part = room[4:, :n]
    x0, x1, x2, x3 = room[0, :n], room[1, :n], room[2, :n], room[3, :n]
    out0, out1, out2, out3 = part[0], part[1], part[2], part[3]
    for first in range(low, high, _CHUNK):
        last = min(first + _CHUNK, high) - 1
        part[:] = 0
        for i in range(first, last + 1, 4):
            a, b = bits[i], bits[min(i + 1, last)]
            c, d = bits[min(i + 2, last)], bits[min(i + 3, last)]
            a0, a1, a2, a3 = none, none, none, none
            b0, b1, b2, b3 = none, none, none, none
            c0, c1, c2, c3 = none, none, none, none
            d0, d1, d2, d3 = none, none, none, none
            for j in range(n):
                p, q, r, s = _wide(a[j]), _wide(b[j]), _wide(c[j]), _wide(d[j])
                a0, a1, a2, a3 = a0 + p * x0[j], a1 + p * x1[j], a2 + p * x2[j], a3 + p * x3[j]
                b0, b1, b2, b3 = b0 + q * x0[j], b1 + q * x1[j], b2 + q * x2[j], b3 + q * x3[j]
                c0, c1, c2, c3 = c0 + r * x0[j], c1 + r * x1[j], c2 + r * x2[j], c3 + r * x3[j]
                d0, d1, d2, d3 = d0 + s * x0[j], d1 + s * x1[j], d2 + s * x2[j], d3 + s * x3[j]
            if i + 1 > last:
                b0, b1, b2, b3 = none, none, none, none
            if i + 2 > last:
                c0, c1, c2, c3 = none, none, none, none
            if i + 3 > last:
                d0, d1, d2, d3 = none, none, none, none
            for j in range(n):
                p, q, r, s = _wide(a[j]), _wide(b[j]), _wide(c[j]), _wide(d[j])
                out0[j] += a0 * p + b0 * q + c0 * r + d0 * s
                out1[j] += a1 * p + b1 * q + c1 * r + d1 * s
                out2[j] += a2 * p + b2 * q + c2 * r + d2 * s
                out3[j] += a3 * p + b3 * q + c3 * r + d3 * s
        for k in range(4):
            for j in range(n):
                found[k, j] += part[k, j]
    return found
