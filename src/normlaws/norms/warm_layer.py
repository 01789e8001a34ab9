"""One layer measured again and again: singular vectors kept, refined, and watched."""

from __future__ import annotations

import math
import warnings
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from normlaws.norms.layer_norms import layer_norms
from normlaws.norms.model.layers import WeightLayer
from normlaws.norms.operators import Operator, operator_of
from normlaws.norms.operators.geometry import Convolution
from normlaws.norms.operators.sums import Sums
from normlaws.norms.spectrum.bound import chances, proved_error
from normlaws.norms.spectrum.exact import decomposes, gram_norm
from normlaws.norms.spectrum.kept import KEPT, Found, Kept
from normlaws.norms.spectrum.starts import batches, cold, warm
from normlaws.norms.spectrum.warm import Goal
from normlaws.norms.spectrum.watch import Vector

if TYPE_CHECKING:
    from normlaws.norms.spectrum.warm_numba import Refined


class Row(NamedTuple):
    """Natural logarithms of one layer."""

    log_spectral_norm: float = 0.0
    log_group_21: float = 0.0
    log_frobenius: float = 0.0
    log_l1: float = 0.0


_COMPILED_FROM = 33  # smaller side from which compiled code is cheaper
_JUMP = 0.2  # relative residual of the kept vectors that tells a jump from a step of training
_TRUST, _TRUST_APART = 3e-4, 1e-3
_UNKNOWN = Sums(math.nan, math.nan, math.nan)
_SAFE = {  # ‖A‖_F² that is squared without overflow or loss
    torch.float32: (1e-20, 1e30),
    torch.float64: (1e-200, 1e200),
}


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
        self.dtype = torch.float32 if relative_error >= 1e-6 else torch.float64
        matrix = conv is None or conv.separates()  # what is iterated
        self.compiled = compiled and matrix and self.dtype == torch.float32
        apart = _TRUST if matrix else _TRUST_APART
        self.goal = Goal(relative_error, _TRUST, apart, _JUMP, *_SAFE[torch.float32])
        self.kept: Kept | None = None
        self.bound = 0.0
        self.proved = True
        self.row = Row()
        self.core: Operator | None = None  # of the call under way, where an iteration is needed

    def look(self, spectral: bool, sums: bool) -> None:
        """Everything but what takes an iteration; keeps the operator for that.

        Sums that are not asked for may be NaN; a cold start takes them to see that its numbers have
        a safe size.
        """
        self.core, self.bound, self.proved = None, 0.0, True
        blocks = self.layer.read().detach()
        if blocks.is_complex():
            self.row = self._carefully()
            return
        operator = operator_of(blocks, self.conv)
        core = operator.reduced()
        self._forget_another(core)
        small = self._decomposed(core)
        operator = operator.to(torch.float64 if small else self.dtype)
        core = operator.reduced()
        needed = sums or small or self.kept is None or core.groups > 1
        if not self._take(operator.sums() if needed else _UNKNOWN, operator.dtype) or not spectral:
            return
        if small:
            self.row = self.row._replace(log_spectral_norm=math.log(gram_norm(core.dense())))
        else:
            self.core = core

    def compilable(self) -> Tensor | None:
        """The matrix whose kept pairs compiled code can refine, (1, m, n); None where it cannot.

        That code sees the sums and the sizes of the numbers on its way.
        """
        if self.kept is None or not self.compiled:
            return None
        blocks = self.layer.read().detach()
        groups, short = len(blocks), min(blocks.shape[1:])
        if self.kept.drift.shape != (groups, short):
            self.kept = None
        if groups != 1 or self.kept is None or blocks.is_complex() or blocks.device.type != "cpu":
            return None
        return blocks.to(self.dtype)

    def settle(self, found: Found) -> None:
        """Take what an iteration found."""
        self.row = self.row._replace(log_spectral_norm=math.log(found.value) / 2)
        squares = math.exp(2 * self.row.log_frobenius)
        self._judge(found.bound, found, math.nan if self._of_copies() else squares)
        self.kept, self.core = found.kept, None

    def settle_compiled(self, blocks: Tensor, found: Refined, sums: bool) -> None:
        """Take what compiled code found; a layer that has jumped waits for an iteration."""
        self.core, self.bound, self.proved = None, 0.0, True
        known = None if self._of_copies() else found.sums
        if known is None:
            known = operator_of(blocks, self.conv).sums() if sums else _UNKNOWN
        if not self._take(known, self.dtype):
            return
        if math.isnan(found.value):
            self.core = operator_of(blocks, self.conv).reduced()
        else:
            self.row = self.row._replace(log_spectral_norm=math.log(found.value) / 2)
            self._judge(found.bound, found, found.squares)

    def signs(self, core: Operator) -> Vector:
        """The probe's, on the side that is not iterated."""
        return chances(self.seed, core.outputs)[: core.outputs].astype(core.kind, copy=False)

    def kept_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of what is kept, part by part."""
        core = operator_of(self.layer.read(), self.conv).reduced()
        groups, n = core.groups, core.inputs
        count, line = min(KEPT, n), (groups, n)
        return [(groups, count, n), (groups, count), line, line, line, line, (groups,)]

    def _forget_another(self, core: Operator) -> None:
        """What was kept of a weight that has been replaced by one of another shape."""
        if self.kept is not None and self.kept.drift.shape != (core.groups, core.inputs):
            self.kept = None

    def _decomposed(self, core: Operator) -> bool:
        """Whether a full decomposition costs no more than an iteration."""
        if self.compiled and core.groups == 1:
            return core.order < _COMPILED_FROM
        return core.order <= core.cheap_up_to

    def _of_copies(self) -> bool:
        """Whether the layer consists of copies of the matrix that is iterated."""
        return self.conv is not None and self.conv.separates()

    def _take(self, sums: Sums, dtype: torch.dtype) -> bool:
        """Take the sums for the row, or with numbers of an unsafe size look carefully instead."""
        low, high = _SAFE[dtype]
        if not low < sums.squares < high and sums is not _UNKNOWN:
            self.row = self._carefully()
            return False
        self.row = Row(
            0.0, math.log(sums.rows), math.log(sums.squares) / 2, math.log(sums.absolute)
        )
        return True

    def _judge(self, estimate: float, found: Found | Refined, squares: float) -> None:
        """The bound, and whether it is a proof; never below what rounding leaves."""
        proved = proved_error(found.value, found.second, found.residual, squares, found.captured)
        rounding = 4 * torch.finfo(self.dtype).eps
        self.proved = proved <= max(self.goal.tolerance, rounding)
        self.bound = max(proved if self.proved else estimate, rounding)

    def _carefully(self) -> Row:
        """Zeros, NaN, or numbers whose squares leave the range of the fast path."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the meter names all such layers in one warning
            norms = layer_norms(self.layer, self.conv, None)
        self.proved = decomposes(operator_of(self.layer.read(), self.conv))
        return Row(norms.log_spectral_norm, norms.log_group_21, norms.log_frobenius, norms.log_l1)


def measure_layers(
    layers: list[WarmLayer], random: np.random.Generator, call: int, *, spectral: bool, sums: bool
) -> None:
    """Bring the row and the bound of every layer up to date.

    Layer by layer, so that all passes over a matrix but the first find it in the cache. Cold starts
    of matrices of one shape advance together, so that the cost of a small step is shared.

    Args:
        layers: of one model.
        random: of starts and noise.
        call: number of the call.
        spectral: whether spectral norms are wanted.
        sums: whether the other norms are.
    """
    others = _warm_compiled(layers, random, sums) if spectral else layers
    for layer in others:
        layer.look(spectral, sums)
        core, kept = layer.core, layer.kept
        if core is not None and kept is not None:
            found = warm(core, kept, layer.signs(core), layer.goal, random, call)
            if found is not None:
                layer.settle(found)
    for layer in layers:
        if layer.core is not None and layer.kept is not None:  # has jumped
            layer.kept = None
            if not sums:
                layer.look(spectral, sums)
    _cold(layers, random)


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
        signs = chances(ours[0].seed, longest)
        found = code.follow_matrices(matrices, kept, random, signs, ours[0].goal)
        for layer, blocks, each in zip(ours, matrices, found, strict=True):
            layer.settle_compiled(blocks, each, sums)
    return others


def _cold(layers: list[WarmLayer], random: np.random.Generator) -> None:
    """Start the layers afresh that still wait for an iteration."""
    waiting = [(layer, layer.core) for layer in layers if layer.core is not None]
    for places in batches([core for _, core in waiting]):
        ours = [waiting[place][0] for place in places]
        cores = [waiting[place][1] for place in places]
        first = ours[0]
        found = cold(cores, first.signs(cores[0]), first.goal.tolerance, random)
        for layer, each in zip(ours, found, strict=True):
            layer.settle(each)
