"""One layer measured again and again: singular vectors kept, refined, certified."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from normlaws.norms.exact import layer_norms
from normlaws.norms.follow import Goal, follow
from normlaws.norms.geometry import Convolution
from normlaws.norms.halves import convolution_halves, matrix_halves
from normlaws.norms.krylov import Gram, Kept, orthonormal, top_ritz
from normlaws.norms.layers import WeightLayer
from normlaws.norms.spectral import conv_gram, gram_norm, matrices_gram, operator_norm
from normlaws.norms.sums import Sums, fast_sums


class Row(NamedTuple):
    """Natural logarithms of one layer."""

    log_sigma: float = 0.0
    log_group_21: float = 0.0
    log_frobenius: float = 0.0
    log_l1: float = 0.0


_DIAGONALISE_UP_TO = 64  # smaller side below which a full decomposition is as cheap
_WRITE_OUT_UP_TO = 128  # inputs of a convolution written out as a matrix
_COLD_VECTORS = 8
_COLD_BLOCKS = 5  # times that they all advance, so as not to lock onto a lower pair
_JUMP = 0.2  # relative residual of the kept vectors that tells a jump from a step of training
_COLD_BASIS = 56
_TRUST_COLD, _TRUST_FLAT, _TRUST_OPERATOR = 3e-6, 3e-4, 1e-3
_KEPT = 3  # pairs
_SAFE = (1e-20, 1e30)  # ‖A‖_F² that float32 squares without overflow or loss


class WarmLayer:
    """The state of one layer between calls."""

    def __init__(self, layer: WeightLayer, conv: Convolution | None, relative_error: float) -> None:
        self.layer = layer
        self.conv = conv
        self.maps = None if conv is None or conv.separates() else conv  # what is iterated
        self.tolerance = relative_error
        self.dtype = torch.float32 if relative_error >= 1e-6 else torch.float64
        self.kept: Kept | None = None
        self.bound = 0.0
        self.row = Row()
        self.blocks: Tensor | None = None  # of the call under way, where an iteration is needed

    def look(self, spectral: bool, sums: bool) -> None:
        """Everything but an iterated spectral norm; keeps the blocks where one is to come.

        Sums that are not asked for are NaN; a cold start takes them to see that its numbers have a
        safe size.
        """
        self.blocks, self.bound = None, 0.0
        blocks = self.layer.read().detach()
        if self.conv is None and min(blocks.shape[1:]) <= _DIAGONALISE_UP_TO:
            self.row = _small(blocks, spectral) or self._carefully()
            return
        blocks = blocks.to(self.dtype)
        logs = (math.nan,) * 3
        if sums or self.kept is None:
            found = Sums(*self.conv.row_sums(blocks)) if self.conv else fast_sums(blocks)
            if not _SAFE[0] < found.squares < _SAFE[1]:
                self.row = self._carefully()
                return
            logs = math.log(found.rows), math.log(found.squares) / 2, math.log(found.absolute)
        self.row = Row(0.0, *logs)
        if not spectral:
            return
        if self.maps is None and min(blocks.shape[1:]) <= _DIAGONALISE_UP_TO:
            self.row = Row(math.log(gram_norm(blocks)), *logs)
        elif self.maps and len(blocks) == 1 and self.length(blocks) <= _WRITE_OUT_UP_TO:
            self.row = Row(math.log(operator_norm(blocks, self.maps)), *logs)
        else:
            self.blocks = blocks

    def length(self, blocks: Tensor) -> int:
        """Length of the vectors that are iterated."""
        if self.maps is None:
            return min(blocks.shape[1:])
        return int(np.prod(self.maps.input_shape)) // self.maps.groups

    def settle(self, values: NDArray[np.float64], errors: NDArray[np.float64], kept: Kept) -> None:
        """Take what an iteration found for this layer's groups."""
        top = int(np.argmax(values))
        self.row = self.row._replace(log_sigma=math.log(values[top]) / 2)
        self.bound = float(errors[top])
        self.kept = kept
        self.blocks = None

    def _carefully(self) -> Row:
        """Zeros, NaN, or numbers whose squares leave the range of the fast path."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the meter names all such layers in one warning
            norms = layer_norms(self.layer, self.conv, None)
        return Row(norms.log_spectral_norm, norms.log_group_21, norms.log_frobenius, norms.log_l1)


def measure_layers(
    layers: list[WarmLayer], random: np.random.Generator, *, spectral: bool, sums: bool
) -> None:
    """Bring the row and the bound of every layer up to date.

    Layer by layer, so that all passes over a matrix but the first find it in the cache. Cold starts
    of matrices of one shape advance together, so that the cost of a small step is shared.
    """
    for layer in layers:
        layer.look(spectral, sums)
        if layer.blocks is not None and layer.kept is not None:
            _warm(layer, layer.blocks, layer.kept, random)
    for layer in layers:
        if layer.blocks is not None and layer.kept is not None:  # has jumped
            layer.kept = None
            if not sums:
                layer.look(spectral, sums)
    for batch in _batches([layer for layer in layers if layer.blocks is not None]):
        _cold(batch, random)


def _batches(layers: list[WarmLayer]) -> Iterable[list[WarmLayer]]:
    """Single matrices by shape; grouped ones and convolutions alone."""
    batches: dict[object, list[WarmLayer]] = {}
    for layer in layers:
        if layer.blocks is None:
            continue
        alone = layer.maps is not None or len(layer.blocks) > 1
        key = (id(layer),) if alone else (tuple(layer.blocks.shape), layer.blocks.device)
        batches.setdefault(key, []).append(layer)
    return batches.values()


def _gram(batch: list[WarmLayer]) -> Gram:
    blocks = [layer.blocks for layer in batch if layer.blocks is not None]
    maps = batch[0].maps
    return conv_gram(blocks[0], maps) if maps else matrices_gram(_matrices(blocks))


def _matrices(blocks: list[Tensor]) -> list[Tensor]:
    return [matrix for group in blocks for matrix in group]


def _warm(layer: WarmLayer, blocks: Tensor, kept: Kept, random: np.random.Generator) -> None:
    """From the kept pairs; a layer that has jumped stays open."""
    noise = random.standard_normal(kept.drift.shape, dtype=np.float32)
    if layer.maps and len(blocks) > 1:
        if _SAFE[0] < float(blocks.square().sum()) < _SAFE[1]:  # NaN is not
            _warm_groups(layer, kept, noise)
        return
    trust = _TRUST_OPERATOR if layer.maps else _TRUST_FLAT
    goal = Goal(layer.tolerance, trust, _JUMP, _SAFE)
    found = []
    for index, block in enumerate(blocks):
        halves = convolution_halves(blocks, layer.maps) if layer.maps else matrix_halves(block)
        one = follow(halves, kept.vectors[index], kept.drift[index], noise[index], goal)
        if one is None:
            return
        found.append(one)
    values, errors, *parts = map(np.array, zip(*found, strict=True))
    layer.settle(values, errors, Kept(*parts))


def _warm_groups(layer: WarmLayer, kept: Kept, noise: NDArray[np.float32]) -> None:
    """All groups of a convolution at once, as its products are."""
    start = np.concatenate([kept.vectors, noise[:, None].astype(kept.vectors.dtype)], axis=1)
    found = top_ritz(
        _gram([layer]),
        orthonormal(start[:, : start.shape[2]]),
        layer.tolerance,
        keep=_KEPT,
        largest_only=True,
        trust=_TRUST_OPERATOR,
    )
    if (found.first_residuals <= _JUMP).all():
        layer.settle(found.values, found.errors, found.kept)


def _cold(batch: list[WarmLayer], random: np.random.Generator) -> None:
    """From several random vectors, to a tenth of the wanted error."""
    blocks = batch[0].blocks
    if blocks is None:
        return
    groups, n = len(blocks), batch[0].length(blocks)
    shape = (groups * len(batch), min(_COLD_VECTORS, n), n)
    start = random.standard_normal(shape, dtype=np.float32)
    dtype = np.float32 if batch[0].dtype == torch.float32 else np.float64
    found = top_ritz(
        _gram(batch),
        orthonormal(start.astype(dtype)),
        batch[0].tolerance / 10,
        blocks=_COLD_BLOCKS,
        keep=_KEPT,
        basis=_COLD_BASIS,
        largest_only=groups > 1,
        trust=_TRUST_COLD,
    )
    for index, layer in enumerate(batch):
        part = slice(index * groups, (index + 1) * groups)
        kept = Kept(*(getattr(found.kept, name)[part] for name in ("vectors", "values", "drift")))
        layer.settle(found.values[part], found.errors[part], kept)


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
