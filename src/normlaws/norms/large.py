"""Large matrices: spectral norms iterated in float32 until a bound certifies them.

A random matrix of n columns takes about 50 products, n^(1/3) of them, where the Gram matrix takes n
operations for every weight: from a few hundred columns on the iteration is cheaper. Its products
are taken in one pass over the weights, strip by strip, on all cores.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

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

TOLERANCE = 1e-6
_LARGE = 1 << 20  # entries from which an iteration may be cheaper than a decomposition
_GRAM_UP_TO = 256  # shorter side up to which it is not
_START, _ADVANCES = 8, 2  # start vectors, and times that they all advance
_BASIS = 96
_TRUST = 3e-4
_SAFE = (1e-20, 1e30)  # ‖A‖_F² that float32 squares without overflow or loss


def is_large(layer: WeightLayer) -> bool:
    """Whether a layer is iterated rather than decomposed."""
    return math.prod(layer.shape) >= _LARGE


def certified_norms(layer: WeightLayer) -> LayerNorms:
    """All numbers of one layer, the spectral norm to a relative error of 1e-6.

    Where the bound is not reached (values too close to each other), and where a decomposition
    costs less, the layer is decomposed.
    """
    blocks = layer.read().detach()
    if blocks.is_complex() or min(blocks.shape[1:]) <= _GRAM_UP_TO:
        return layer_norms(layer, None, None)
    sums, values = np.zeros(3), []
    for block in blocks:
        operator = Strips(block)
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
    of a product. Bfloat16 is converted strip by strip, which costs no more than reading twice as
    much; other types are copied.

    Args:
        matrix: of any real type, (outputs, inputs).
    """

    entries: ClassVar[int] = 1 << 17  # of a strip

    def __init__(self, matrix: Tensor) -> None:
        tall = (matrix if matrix.shape[1] < matrix.shape[0] else matrix.T).contiguous()
        super().__init__(tall if tall.dtype == torch.bfloat16 else tall.float())
        self.dtype = torch.float32
        self.turned = matrix.shape[1] >= matrix.shape[0]

    def sums(self) -> Sums:
        """Of the rows of the matrix that was given."""
        columns, parts = np.zeros(self.inputs), []
        for strip in self._strips(0, self.outputs):
            parts.append(Flat(torch.from_numpy(strip)).sums())
            columns += np.einsum("ij,ij->j", strip, strip)
        found = Sums(*np.sum(parts, axis=0).tolist())
        return found._replace(rows=float(np.sqrt(columns).sum())) if self.turned else found

    def gram(self, x: Vectors, wanted: Mask | None = None) -> Vectors:
        """AᵀA x."""
        workers = torch.get_num_threads()
        edges = np.linspace(0, self.outputs, workers + 1).astype(int)
        with ThreadPoolExecutor(workers) as pool:
            parts = list(pool.map(self._part, [x[0]] * workers, edges[:-1], edges[1:]))
        return np.asarray(np.sum(parts, axis=0))[None]

    def _part(self, x: Vectors, low: int, high: int) -> Vectors:
        """What some of the rows contribute."""
        out = np.zeros_like(x)
        for strip in self._strips(low, high):
            if len(x) == 1:  # BLAS takes a single vector faster as one
                out[0] += np.matmul(np.matmul(strip, x[0]), strip)
            else:
                out += np.matmul(np.matmul(x, strip.T), strip)
        return out

    def _strips(self, low: int, high: int) -> Iterator[NDArray[np.float32]]:
        count = max(self.entries // self.inputs, 1)
        halves = self.matrix.dtype == torch.bfloat16
        array = (self.matrix.view(torch.int16) if halves else self.matrix).numpy()
        for at in range(low, high, count):
            strip = array[at : min(at + count, high)]
            yield _widened(strip.view(np.uint16)) if halves else strip

    def top(self) -> float:
        """The largest singular value to :data:`TOLERANCE`; NaN where the bound is not reached."""
        shape = (1, _START, self.inputs)
        start = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        with one_blas_thread():
            found = top_ritz(
                self, orthonormal(start), TOLERANCE, blocks=_ADVANCES, basis=_BASIS, trust=_TRUST
            )
        return math.sqrt(found.values[0]) if found.errors[0] <= TOLERANCE else math.nan


def _widened(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Bfloat16, the upper half of a float32, by its bits."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
