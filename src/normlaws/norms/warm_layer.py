"""One layer measured again and again: singular vectors kept, refined, and watched."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from normlaws.norms.layer_norms import layer_norms
from normlaws.norms.model.layers import WeightLayer
from normlaws.norms.operators.convolution import Convolution
from normlaws.norms.operators.halves import convolution_halves, matrix_halves
from normlaws.norms.operators.sums import Sums, fast_sums
from normlaws.norms.spectrum.bound import chances, proved_error
from normlaws.norms.spectrum.cold import Gram, Kept, Ritz, Vectors, orthonormal, top_ritz
from normlaws.norms.spectrum.exact import (
    conv_gram,
    diagonalises,
    gram_norm,
    matrices_gram,
    operator_norm,
)
from normlaws.norms.spectrum.warm import (
    KEPT,
    MOVED,
    Goal,
    Reference,
    ahead,
    follow,
    moved,
    stands_still,
    start_basis,
)

if TYPE_CHECKING:
    from normlaws.norms.spectrum.warm_numba import Found


class Row(NamedTuple):
    """Natural logarithms of one layer."""

    log_spectral_norm: float = 0.0
    log_group_21: float = 0.0
    log_frobenius: float = 0.0
    log_l1: float = 0.0


_DIAGONALISE_UP_TO = 64  # smaller side up to which a full decomposition is as cheap
_COMPILED_FROM = 33  # smaller side from which compiled code is cheaper
_WRITE_OUT_UP_TO = 128  # inputs of a convolution written out as a matrix
_COLD_VECTORS = 8
_COLD_BLOCKS = 5  # times that they all advance, so as not to lock onto a lower pair
_JUMP = 0.2  # relative residual of the kept vectors that tells a jump from a step of training
_COLD_BASIS = 56
_TRUST_COLD, _TRUST_WARM = 3e-6, 3e-4
_UNKNOWN = Sums(math.nan, math.nan, math.nan)
_SAFE = (1e-20, 1e30)  # ‖A‖_F² that float32 squares without overflow or loss


def installed() -> bool:
    """Whether the extra ``fast`` is."""
    return find_spec("numba") is not None


@cache
def library() -> ModuleType | None:
    """The compiled iteration; None without the extra ``fast``, or without a place for its code."""
    try:
        from normlaws.norms.spectrum import warm_numba as compiled
    except (ImportError, RuntimeError):
        return None
    return compiled


class WarmLayer:
    """The state of one layer between calls."""

    def __init__(
        self,
        layer: WeightLayer,
        conv: Convolution | None,
        relative_error: float,
        compiled: bool,
        seed: int = 0,
    ) -> None:
        self.layer = layer
        self.seed = seed
        self.conv = conv
        self.maps = None if conv is None or conv.separates() else conv  # what is iterated
        self.tolerance = relative_error
        self.dtype = torch.float32 if relative_error >= 1e-6 else torch.float64
        self.compiled = compiled and self.maps is None and self.dtype == torch.float32
        trust = _TRUST_WARM
        self.goal = Goal(relative_error, trust, _JUMP, *_SAFE)
        self.kept: Kept | None = None
        self.bound = 0.0
        self.proved = True
        self.row = Row()
        self.blocks: Tensor | None = None  # of the call under way, where an iteration is needed

    def look(self, spectral: bool, sums: bool) -> None:
        """Everything but what takes an iteration; keeps the blocks for that.

        Sums that are not asked for may be NaN; a cold start takes them to see that its numbers have
        a safe size.
        """
        self.blocks, self.bound, self.proved = None, 0.0, True
        blocks = self.layer.read().detach()
        if blocks.is_complex():
            self.row = self._carefully()
            return
        self._forget_other_shapes(blocks)
        if self.conv is None and self._diagonalised(blocks):
            self.row = _small(blocks, spectral) or self._carefully()
            return
        blocks = blocks.to(self.dtype)
        if self._take(self._sums(blocks, sums or self.kept is None)) and spectral:
            self._begin(blocks)

    def compilable(self) -> Tensor | None:
        """The matrix whose kept pairs compiled code can refine, (1, m, n); None where it cannot.

        That code sees the sums and the sizes of the numbers on its way.
        """
        if self.kept is None or not self.compiled:
            return None
        blocks = self.layer.read().detach().to(self.dtype)
        self._forget_other_shapes(blocks)
        return blocks if _suits(blocks) and self.kept is not None else None

    def _forget_other_shapes(self, blocks: Tensor) -> None:
        """What was kept of a weight that has been replaced by one of another shape."""
        if self.kept is not None and self.kept.drift.shape != (len(blocks), self.length(blocks)):
            self.kept = None

    def _diagonalised(self, blocks: Tensor) -> bool:
        short = min(blocks.shape[1:])
        if self.compiled and _suits(blocks):
            return short < _COMPILED_FROM
        return short <= _DIAGONALISE_UP_TO

    def _sums(self, blocks: Tensor, wanted: bool) -> Sums:
        if not wanted:
            return _UNKNOWN
        return Sums(*self.conv.row_sums(blocks)) if self.conv else fast_sums(blocks)

    def _take(self, sums: Sums) -> bool:
        """Take the sums for the row, or with numbers of an unsafe size look carefully instead."""
        if not _SAFE[0] < sums.squares < _SAFE[1] and sums is not _UNKNOWN:
            self.row = self._carefully()
            return False
        self.row = Row(
            0.0, math.log(sums.rows), math.log(sums.squares) / 2, math.log(sums.absolute)
        )
        return True

    def _begin(self, blocks: Tensor) -> None:
        """A full decomposition where that is as cheap; else the blocks wait for an iteration."""
        if self.maps is None and self._diagonalised(blocks):
            self.row = self.row._replace(log_spectral_norm=math.log(gram_norm(blocks)))
        elif self.maps and len(blocks) == 1 and self.length(blocks) <= _WRITE_OUT_UP_TO:
            self.row = self.row._replace(
                log_spectral_norm=math.log(operator_norm(blocks, self.maps))
            )
        else:
            self.blocks = blocks

    def settle_compiled(self, blocks: Tensor, found: Found, sums: bool) -> None:
        """Take what compiled code found; a layer that has jumped waits for an iteration."""
        self.blocks, self.bound, self.proved = None, 0.0, True
        of_rows = found.sums if self.conv is None else None
        if not self._take(of_rows or self._sums(blocks, sums)):
            return
        if math.isnan(found.value):
            self.blocks = blocks
        else:
            self.row = self.row._replace(log_spectral_norm=math.log(found.value) / 2)
            proved = proved_error(
                found.value, found.second, found.residual, found.squares, found.captured
            )
            self._judge(found.bound, proved)

    def _judge(self, estimate: float, proved: float) -> None:
        """The bound, and whether it is a proof; never below what rounding leaves."""
        rounding = 4 * torch.finfo(self.dtype).eps
        self.proved = proved <= max(self.tolerance, rounding)
        self.bound = max(proved if self.proved else estimate, rounding)

    def length(self, blocks: Tensor) -> int:
        """Length of the vectors that are iterated."""
        if self.maps is None:
            return min(blocks.shape[1:])
        return int(np.prod(self.maps.input_shape)) // self.maps.groups

    def kept_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of what is kept, part by part."""
        blocks = self.layer.read()
        groups, n = len(blocks), self.length(blocks)
        count, line = min(KEPT, n), (groups, n)
        return [(groups, count, n), (groups, count), line, line, line, line, (groups,)]

    def chances(self, blocks: Tensor) -> NDArray[np.floating]:
        """The probe's, on the side that is not iterated."""
        length = max(blocks.shape[1:])
        if self.maps is not None:
            length = int(np.prod(self.maps.output_shape(blocks)))
        kind = np.float32 if self.dtype == torch.float32 else np.float64
        return chances(self.seed, length)[:length].astype(kind, copy=False)

    def probe(self, blocks: Tensor) -> Vectors:
        """Image of the random numbers, (groups, n)."""
        chosen = self.chances(blocks)
        if self.maps is not None:
            image = convolution_halves(blocks, self.maps).adjoint(chosen[None])
            return image.reshape(len(blocks), -1)
        return np.concatenate([matrix_halves(block).adjoint(chosen[None]) for block in blocks])

    def settle(
        self,
        values: NDArray[np.float64],
        errors: NDArray[np.float64],
        kept: Kept,
        residuals: NDArray[np.float64],
        captured: float,
    ) -> None:
        """Take what an iteration found for this layer's groups."""
        top = int(np.argmax(values))
        self.row = self.row._replace(log_spectral_norm=math.log(values[top]) / 2)
        pairs = np.sort(kept.values, axis=None)
        second = float(pairs[-2]) if len(pairs) > 1 else 0.0
        squares = math.nan
        if self.conv is None or self.maps is not None:
            squares = math.exp(2 * self.row.log_frobenius)
        proved = proved_error(float(values[top]), second, float(residuals[top]), squares, captured)
        self._judge(float(errors[top]), proved)
        self.kept = kept
        self.blocks = None

    def _carefully(self) -> Row:
        """Zeros, NaN, or numbers whose squares leave the range of the fast path."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the meter names all such layers in one warning
            norms = layer_norms(self.layer, self.conv, None)
        self.proved = diagonalises(self.layer.read(), self.conv)
        return Row(norms.log_spectral_norm, norms.log_group_21, norms.log_frobenius, norms.log_l1)


def _suits(blocks: Tensor) -> bool:
    """Whether there is compiled code for them."""
    return len(blocks) == 1 and blocks.device.type == "cpu"


def measure_layers(
    layers: list[WarmLayer], random: np.random.Generator, *, spectral: bool, sums: bool
) -> None:
    """Bring the row and the bound of every layer up to date.

    Layer by layer, so that all passes over a matrix but the first find it in the cache. Cold starts
    of matrices of one shape advance together, so that the cost of a small step is shared.
    """
    others = _warm_compiled(layers, random, sums) if spectral else layers
    for layer in others:
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


def _warm_compiled(
    layers: list[WarmLayer], random: np.random.Generator, sums: bool
) -> list[WarmLayer]:
    """Refine all that compiled code can, in one call; returns the other layers."""
    code = library() if any(layer.compiled and layer.kept for layer in layers) else None
    if code is None:
        return layers
    chosen, others = [], []
    for layer in layers:
        blocks = layer.compilable()
        if blocks is None or layer.kept is None:
            others.append(layer)
        else:
            chosen.append((layer, blocks, layer.kept))
    if chosen:
        ours, matrices, kept = zip(*chosen, strict=True)
        longest = max(max(block.shape) for block in matrices)
        numbers = chances(ours[0].seed, longest)
        found = code.follow_matrices(matrices, kept, random, numbers, ours[0].goal)
        for layer, blocks, each in zip(ours, matrices, found, strict=True):
            layer.settle_compiled(blocks, each, sums)
    return others


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
            _warm_groups(layer, blocks, kept, noise)
        return
    found = []
    for index, block in enumerate(blocks):
        halves = convolution_halves(blocks, layer.maps) if layer.maps else matrix_halves(block)
        start = start_basis(kept.vectors[index], kept.drift[index], noise[index], kept.scout[index])
        before = Reference(kept.probe[index], kept.anchor[index], kept.level[index])
        image = halves.forward(start)
        found.append(follow(halves, start, image, layer.chances(blocks), before, layer.goal))
        if math.isnan(found[-1].value):
            return
    parts = zip(*((*each[2:6], *each.reference) for each in found), strict=True)
    layer.settle(
        np.array([each.value for each in found]),
        np.array([each.bound for each in found]),
        Kept(*map(np.array, parts)),
        np.array([each.residual for each in found]),
        sum(each.captured for each in found),
    )


def _warm_groups(layer: WarmLayer, blocks: Tensor, kept: Kept, noise: NDArray[np.float32]) -> None:
    """All groups of a convolution at once, as its products are."""
    start = [kept.vectors, noise[:, None].astype(kept.vectors.dtype), kept.scout[:, None]]
    found = top_ritz(
        _gram([layer]),
        orthonormal(np.concatenate(start, axis=1)[:, : kept.vectors.shape[2]]),
        layer.tolerance,
        keep=KEPT + 1,
        largest_only=True,
        trust=_TRUST_WARM,
    )
    if not (found.first_residuals <= _JUMP).all():
        return
    new = _kept_groups(found, layer.probe(blocks), kept, len(layer.chances(blocks)) // len(blocks))
    if new is not None:
        layer.settle(found.values, found.errors, new, found.residuals, float(found.captured.sum()))


def _kept_groups(found: Ritz, probe: Vectors, before: Kept, entries: int) -> Kept | None:
    """What is kept of every group; None where one moved beside its vectors, which stood still."""
    vectors = found.vectors[:, :KEPT]
    scout, probes = np.zeros_like(probe), before.probe.copy()
    anchors, levels = before.anchor.copy(), before.level.copy()
    top = float(found.values.max())
    for index, value in enumerate(found.values):
        earlier = Reference(before.probe[index], before.anchor[index], before.level[index])
        if not (value > 0 and earlier.level > 0):
            if value > 0:
                return None
            continue
        change = moved(vectors[index], probe[index], earlier, value)
        move = math.sqrt(float(np.dot(change, change)) / top)
        scout[index] = ahead(vectors[index], _fourth(found, index), change)
        if move > MOVED:
            if stands_still(vectors[index], probe[index], earlier.anchor, value, move, entries):
                return None
            probes[index], anchors[index] = probe[index], vectors[index, 0]
            levels[index] = value
    drift, pairs = np.zeros_like(probe), found.pairs[:, :KEPT].copy()
    return Kept(vectors.copy(), pairs, drift, scout, probes, anchors, levels)


def _fourth(found: Ritz, index: int) -> NDArray[np.floating]:
    """The first Ritz vector that is not kept; zeros where the vectors kept span everything."""
    vectors = found.vectors[index]
    return vectors[KEPT] if len(vectors) > KEPT else np.zeros_like(vectors[0])


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
        keep=KEPT + 1,
        basis=_COLD_BASIS,
        largest_only=groups > 1,
        trust=_TRUST_COLD,
    )
    for index, layer in enumerate(batch):
        if layer.blocks is None:
            continue
        part = slice(index * groups, (index + 1) * groups)
        probe = layer.probe(layer.blocks)
        kept = Kept(
            found.vectors[part, :KEPT].copy(),
            found.pairs[part, :KEPT].copy(),
            np.zeros_like(probe),
            np.stack([_fourth(found, problem) for problem in range(part.start, part.stop)]),
            probe,
            found.vectors[part, 0].copy(),
            found.values[part].copy(),
        )
        captured = float(found.captured[part].sum())
        layer.settle(found.values[part], found.errors[part], kept, found.residuals[part], captured)


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
