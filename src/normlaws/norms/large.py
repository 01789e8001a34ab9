"""Large matrices: spectral norms iterated in float32 until their bound is 1e-6.

A random matrix of n columns takes about 40 products with four vectors, n^(1/3) of them, where the
Gram matrix takes n operations for every weight: from a few hundred columns on the iteration is
cheaper, and much cheaper for trained weights, whose values lie apart. A product is one pass over
the weights, strip by strip, on all cores; reading and converting them is most of its cost, so that
four vectors cost little more than one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from normlaws.norms.layer_norms import LayerNorms, layer_norms
from normlaws.norms.model.weight_layer import WeightLayer
from normlaws.norms.operators import Flat
from normlaws.norms.operators.operator import Mask, Vectors
from normlaws.norms.operators.sums import Sums
from normlaws.norms.spectrum.cold import orthonormal, top_ritz
from normlaws.norms.spectrum.threads import one_blas_thread

Product = Callable[[NDArray[np.uint16], Vectors, int, int], Vectors]

T = TypeVar("T")
Squares = NDArray[np.float64]
TOLERANCE = 1e-6
_WORTH_COMPILING = 1 << 26
_LARGE = 1 << 20  # entries from which an iteration may be cheaper than a decomposition
_GRAM_UP_TO = 256  # shorter side up to which it is not
_WIDTH, _ADVANCES = 4, 5  # vectors of a product, and times that they advance before a look
_BASIS, _MOST = 192, 600
_TRUST = 3e-4
_HALF, _UPPER = np.uint32(16), np.uint32(0xFFFF0000)  # of a word, as bits and as a mask
_SAFE = (1e-20, 1e30)  # ‖A‖_F² that float32 squares without overflow or loss


def is_large(layer: WeightLayer) -> bool:
    """Whether a layer is iterated rather than decomposed."""
    return math.prod(layer.shape) >= _LARGE


@cache
def compiled_product() -> Product | None:
    """Of the extra ``fast``; None without it, or without a place for its code."""
    try:
        from normlaws.norms.spectrum.strips_numba import gram
    except (ImportError, RuntimeError):
        return None
    product: Product = gram
    return product


def pays(layers: Sequence[WeightLayer]) -> bool:
    """Whether so much is iterated that the second which loading compiled code takes is won back."""
    sizes = (math.prod(layer.shape) for layer in layers if is_large(layer))
    return sum(sizes) >= _WORTH_COMPILING


def iterated_norms(layer: WeightLayer, compiled: bool = False) -> LayerNorms:
    """All numbers of one layer, the spectral norm to a relative error of 1e-6.

    Where the bound is not reached (values too close to each other), and where a decomposition
    costs less, the layer is decomposed.

    Args:
        layer: of a file or a model.
        compiled: take the products of bfloat16 matrices by compiled code, where it is installed.
    """
    blocks = layer.read().detach()
    if blocks.is_complex() or min(blocks.shape[1:]) <= _GRAM_UP_TO:
        return layer_norms(layer, None, None)
    sums, values = np.zeros(3), []
    for block in blocks:
        operator = Strips(block, compiled)
        found = operator.sums()
        value = operator.top() if _SAFE[0] < found.squares < _SAFE[1] else math.nan
        if math.isnan(value):
            return layer_norms(layer, None, None)
        sums += found
        values.append(value)
    rows, squares, absolute = map(math.log, sums)
    return LayerNorms(
        math.log(max(values)), squares / 2, absolute, rows, math.nan, rows, squares / 2
    )


class Strips(Flat):
    """A matrix whose products take one pass over it, on all cores, in float32.

    Rows are as short as possible, so that a strip of them stays in a core's cache for both halves
    of a product. Bfloat16 is converted strip by strip: the even and the odd columns apart, since
    two of its numbers in a word of 32 bits are its lower and its upper half. Other types are
    copied.

    Args:
        matrix: of any real type, (outputs, inputs).
        compiled: see :func:`iterated_norms`.
    """

    entries: ClassVar[int] = 1 << 17  # of a strip

    def __init__(self, matrix: Tensor, compiled: bool = False) -> None:
        tall = (matrix if matrix.shape[1] < matrix.shape[0] else matrix.T).contiguous()
        halves = tall.dtype == torch.bfloat16 and tall.shape[1] % 2 == 0
        super().__init__(tall if halves else tall.float())
        self.dtype = torch.float32
        self.turned = matrix.shape[1] >= matrix.shape[0]
        self._parts = 2 if halves else 1
        self._product = compiled_product() if compiled and halves else None
        self._workers = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(max(self._workers - 1, 1))

    def sums(self) -> Sums:
        """Of the rows of the matrix that was given."""
        found, absolute = zip(*self._shared(self._sums), strict=True)
        squares = np.sum(found, axis=0) if self.turned else np.concatenate(found)
        return Sums(float(np.sqrt(squares).sum()), float(squares.sum()), float(sum(absolute)))

    def gram(self, x: Vectors, wanted: Mask | None = None) -> Vectors:
        """AᵀA x."""
        product = self._product
        if product is not None and x.shape[1] == _WIDTH:
            bits = self.matrix.view(torch.int16).numpy().view(np.uint16)
            images = self._shared(lambda low, high: product(bits, x[0], low, high))
            return np.asarray(np.sum(images, axis=0))[None]
        parts = np.ascontiguousarray(x[0].reshape(len(x[0]), -1, self._parts).transpose(2, 0, 1))
        images = self._shared(lambda low, high: self._gram(parts, low, high))
        whole: Vectors = np.sum(images, axis=0).transpose(1, 2, 0)
        return np.ascontiguousarray(whole).reshape(x.shape)

    def _shared(self, part: Callable[[int, int], T]) -> list[T]:
        """What the parts of the rows contribute, each on a core of its own, the first on this."""
        edges = np.linspace(0, self.outputs, self._workers + 1).astype(int)
        others = [self._pool.submit(part, *ends) for ends in pairwise(edges[1:])]
        return [part(*edges[:2]), *(other.result() for other in others)]

    def _sums(self, low: int, high: int) -> tuple[Squares, float]:
        """Sums of squares over each row of the matrix that was given, and the sum of sizes.

        Of some of the rows here, so that where the matrix was turned others add to the same sums.
        """
        columns = np.zeros((self._parts, self.inputs // self._parts))
        rows, absolute = [], 0.0
        for strip in self._strips(low, high):
            if self.turned:
                columns += np.einsum("pij,pij->pj", strip, strip)
            else:
                squares = np.matmul(strip[..., None, :], strip[..., None])[..., 0, 0]
                rows.append(squares.sum(0, dtype=np.float64))
            absolute += float(np.abs(strip).sum())
        return columns if self.turned else np.concatenate(rows), absolute

    def _gram(self, x: Vectors, low: int, high: int) -> Vectors:
        """AᵀA x of some of the rows, (parts, vectors, inputs of a part)."""
        out = np.zeros_like(x)
        for strip in self._strips(low, high):
            images = np.matmul(x, strip.swapaxes(1, 2)).sum(0)
            out += np.matmul(images, strip)
        return out

    def _strips(self, low: int, high: int) -> Iterator[NDArray[np.float32]]:
        """Some rows after the others, (parts, rows, inputs of a part)."""
        count = max(self.entries // self.inputs, 1)
        if self._parts == 1:
            array = self.matrix.numpy()
            yield from (array[None, at : min(at + count, high)] for at in range(low, high, count))
            return
        words = self.matrix.view(torch.int16).numpy().view(np.uint32)
        buffer = np.empty((2, count, self.inputs // 2), np.uint32)
        for at in range(low, high, count):
            rows = words[at : min(at + count, high)]
            strip = buffer[:, : len(rows)]
            np.left_shift(rows, _HALF, out=strip[0])
            np.bitwise_and(rows, _UPPER, out=strip[1])
            yield strip.view(np.float32)

    def top(self) -> float:
        """The largest singular value to :data:`TOLERANCE`; NaN where the bound is not reached."""
        shape = (1, _WIDTH, self.inputs)
        start = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        with one_blas_thread():
            found = top_ritz(
                self, orthonormal(start), TOLERANCE, blocks=_ADVANCES, most=_MOST, basis=_BASIS,
                trust=_TRUST, width=_WIDTH,
            )  # fmt: skip
        return math.sqrt(found.values[0]) if found.errors[0] <= TOLERANCE else math.nan
