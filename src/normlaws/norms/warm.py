"""One layer measured again and again: singular vectors kept, refined, certified."""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from normlaws.norms.exact import layer_norms
from normlaws.norms.geometry import Convolution
from normlaws.norms.krylov import KEPT, Vectors, top_ritz
from normlaws.norms.layers import WeightLayer
from normlaws.norms.spectral import conv_gram, flat_gram, operator_norm
from normlaws.norms.sums import Sums, fast_sums


class Row(NamedTuple):
    """Natural logarithms of one layer."""

    log_sigma: float
    log_group_21: float
    log_frobenius: float
    log_l1: float


_DIAGONALISE_UP_TO = 64  # smaller side below which a full decomposition is as cheap
_WRITE_OUT_UP_TO = 128  # inputs of a convolution written out as a matrix
_COLD_VECTORS = 6
_COLD_STEPS = 12  # taken at least from a cold start, so as not to lock onto a lower pair
_JUMP = 0.5  # relative residual of the kept vectors that tells a jump from a step of training
_PROBE = 0.03  # share of fresh noise in the last kept vector
_SAFE = (1e-20, 1e30)  # ‖A‖_F² that float32 squares without overflow or loss


class WarmLayer:
    """The state of one layer between calls."""

    def __init__(self, layer: WeightLayer, conv: Convolution | None, relative_error: float) -> None:
        self.layer = layer
        self.conv = conv
        self.tolerance = relative_error
        self.dtype = torch.float32 if relative_error >= 1e-6 else torch.float64
        self.vectors: Vectors | None = None
        self.bound = 0.0

    def measure(self, random: np.random.Generator, spectral: bool) -> Row:
        """Logarithms of spectral norm (0 unless wanted), (2,1), Frobenius and L1 norm."""
        blocks = self.layer.read().detach()
        if self.conv is None and min(blocks.shape[1:]) <= _DIAGONALISE_UP_TO:
            row = _small(blocks, spectral)
            return row if row is not None else self._carefully()
        blocks = blocks.to(self.dtype)
        sums = Sums(*self.conv.row_sums(blocks)) if self.conv else fast_sums(blocks)
        if not _SAFE[0] < sums.squares < _SAFE[1]:
            return self._carefully()
        sigma = self._log_sigma(blocks, random) if spectral else 0.0
        return Row(sigma, math.log(sums.rows), math.log(sums.squares) / 2, math.log(sums.absolute))

    def _log_sigma(self, blocks: Tensor, random: np.random.Generator) -> float:
        if self._length(blocks) <= _WRITE_OUT_UP_TO and len(blocks) == 1 and self.conv:
            return math.log(operator_norm(blocks, self.conv))
        return math.log(self._refined(blocks, random)) / 2

    def _refined(self, blocks: Tensor, random: np.random.Generator) -> float:
        """λ_max(AᵀA), from the kept vectors if they still serve."""
        gram = conv_gram(blocks, self.conv) if self.conv else flat_gram(blocks)
        shape = (len(blocks), KEPT, self._length(blocks))
        dtype: type[np.floating] = np.float32 if self.dtype == torch.float32 else np.float64
        if self.vectors is not None and self.vectors.shape == shape:
            start: Vectors = self.vectors.astype(dtype)
            noise = random.standard_normal((shape[0], shape[2]), dtype=np.float32)
            start[:, -1] = start[:, -1] + noise * np.float32(_PROBE / math.sqrt(shape[2]))
            found = top_ritz(gram, start, self.tolerance, give_up_above=_JUMP)
            if found.first_residual <= _JUMP:
                return self._keep(found.vectors, found.error, found.value)
        start = random.standard_normal((shape[0], _COLD_VECTORS, shape[2]), dtype=np.float32)
        found = top_ritz(
            gram, start.astype(dtype), self.tolerance / 10, least=_COLD_STEPS, basis=40
        )
        return self._keep(found.vectors, found.error, found.value)

    def _keep(self, vectors: Vectors, bound: float, value: float) -> float:
        self.vectors, self.bound = vectors, bound
        return value

    def _length(self, blocks: Tensor) -> int:
        if self.conv is None:
            return min(blocks.shape[1:])
        return int(np.prod(self.conv.input_shape)) // self.conv.groups

    def _carefully(self) -> Row:
        """Zeros, NaN, or numbers whose squares leave the range of the fast path."""
        self.bound = 0.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the meter names all such layers in one warning
            norms = layer_norms(self.layer, self.conv, None)
        return Row(norms.log_spectral_norm, norms.log_group_21, norms.log_frobenius, norms.log_l1)


def _small(blocks: Tensor, spectral: bool) -> Row | None:
    """Everything in float64 by NumPy, whose calls cost least; None for zeros or extreme values."""
    a: NDArray[np.float64] = blocks.cpu().double().numpy()
    rows = np.einsum("gmn,gmn->gm", a, a)
    squares = float(rows.sum())
    if not 1e-200 < squares < 1e200:
        return None
    sigma = 0.0
    if spectral:
        sigma = math.log(_top_eigenvalue(a, rows)) / 2
    sums = float(np.sqrt(rows).sum()), math.sqrt(squares), float(np.abs(a).sum())
    return Row(sigma, *map(math.log, sums))


def _top_eigenvalue(a: NDArray[np.float64], rows: NDArray[np.float64]) -> float:
    if a.shape[1] == 1:
        return float(rows.max())
    adjoint = a.swapaxes(1, 2)
    gram = a @ adjoint if a.shape[1] <= a.shape[2] else adjoint @ a
    return float(np.linalg.eigvalsh(gram)[:, -1].max())
