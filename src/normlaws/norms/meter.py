"""The repeated measurement: a few numbers of one model, again and again along a training."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from normlaws.errors import InputError, MissingExtraError, allowed
from normlaws.norms.definitions import network as formulas
from normlaws.norms.definitions.distance import Start, log
from normlaws.norms.layer_norms import warn_not_finite
from normlaws.norms.model.plan import Plan, Settings
from normlaws.norms.model.reading import evaluation_mode
from normlaws.norms.spectrum.kept import Kept
from normlaws.norms.spectrum.threads import one_blas_thread
from normlaws.norms.warm_layer import Row, WarmLayer, installed, library, measure_layers

DATA_FREE_NORMS = ("spectral_complexity", "spectral_product", "frobenius", "l1", "group_21")
"""Norms that need no examples: what a meter measures and a study records."""

DISTANCES = ("distance", "distance_21")
"""Frobenius and (2,1) distance from the weights at the meter's making; measured where asked for."""

DEFAULT_ERROR = {"flat": 1e-6, "operator": 1e-4}
_START = "start."  # prefix of the weights at the start, in a saved state
_PARTS = tuple(part.name for part in fields(Kept))
_EARLIER = {"vectors", "values", "drift"}  # of a state before 0.1: the layer starts afresh
_LARGE = 1 << 23  # weights of a matrix that all cores read faster than one
_WORTH_COMPILING = 1_000_000  # weights from which the second that loading takes is soon won back
_SPECTRAL = {"spectral_complexity", "spectral_product"}


class NormMeter:
    """Measures the data-free norms of one model repeatedly, at a fraction of the cost of SVDs.

    >>> import normlaws as nl, torch
    >>> model = torch.nn.Linear(3, 3)
    >>> meter = nl.NormMeter(model, norms=["frobenius"])
    >>> before = meter.measure()["log_frobenius"]
    >>> _ = model.weight.data.mul_(2)
    >>> round(meter.measure()["log_frobenius"] - before, 4)  # ln 2
    0.6931

    Small layers are diagonalised exactly. For the others the leading singular vectors are kept
    between calls and refined until a residual bound is below ``relative_error``
    (docs/norms-reference.md says what the bound proves and what it assumes). A jump of the weights,
    and a move beside singular vectors that stand still, start the layer afresh; so does a submodule
    that has been replaced. ``statuses`` tells proofs from estimates.

    Deterministic: values depend on the weights, ``seed`` and the meter's own state, never on the
    global random numbers.

    Args:
        model: any PyTorch model; the meter reads its weights where they are, at every call.
        norms: which of ``spectral_complexity``, ``spectral_product``, ``frobenius``, ``l1`` and
            ``group_21``; all by default. Also ``distance`` and ``distance_21``, Frobenius and
            (2,1) distance from the weights that ``model`` has now; flat, −inf at first.
        conv: ``"flat"`` or ``"operator"``, as in :func:`normlaws.norms.measure`.
        relative_error: wanted relative error of every spectral norm; 1e-6 for flat, 1e-4 for
            operator by default. Below 1e-6 the products are taken in float64.
        example_input: as in :func:`normlaws.norms.measure`, for ``conv="operator"``.
        seed: of the start vectors.
        compiled: whether flat float32 matrices on the CPU are refined by compiled code (extra
            ``fast``), within the same error and several times as fast; by default, if that is
            installed and the model has a million weights, so that loading the code pays.

    Attributes:
        layers: the layers that are measured.
        bounds: layer name -> bound on the relative error of its spectral norm at the last call
            (0 where it was diagonalised).
        statuses: layer name -> ``"proof"`` where that bound is proved: the layer was diagonalised,
            or what ‖A‖_F² leaves over is too little for a larger singular value; elsewhere
            ``"estimate"``: a larger singular value than the one that is followed would be noticed
            when it moves, but is not ruled out.
        last: logarithms of every layer at the last call, in the order of ``layers``; with
            ``norms=("spectral_product",)`` the sums of large layers are left out, as NaN.

    Raises:
        InputError: a name is unknown, the model holds no weight matrix, or an argument is refused.
        MissingExtraError: ``compiled=True``, and the extra is not installed.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        norms: Iterable[str] | None = None,
        conv: str = "flat",
        relative_error: float | None = None,
        example_input: Any = None,
        seed: int = 0,
        compiled: bool | None = None,
    ) -> None:
        self.norms = DATA_FREE_NORMS if norms is None else tuple(norms)
        known = DATA_FREE_NORMS + DISTANCES
        if not self.norms or set(self.norms) - set(known):
            raise InputError(f"expected norms among {allowed(known)}, got {self.norms}")
        if relative_error is not None and not 0 < relative_error < 0.1:
            raise InputError(f"expected a relative_error between 0 and 0.1, got {relative_error!r}")
        if compiled and library() is None:
            raise MissingExtraError("a compiled NormMeter", "fast")
        self.relative_error = relative_error or DEFAULT_ERROR[conv]
        self._settings = Settings(conv=conv, example_input=example_input)
        self._asked, self._seed = compiled, seed
        self._model = model
        self._warm: list[WarmLayer] = []
        self._plan()
        self._spectral = bool(_SPECTRAL & set(self.norms))
        self._sums = bool(set(self.norms) - {"spectral_product"})
        self._start = Start(model) if set(DISTANCES) & set(self.norms) else None
        self.last: list[Row] = []
        self._calls = 0

    def _plan(self) -> None:
        """Find the layers; what was kept of those that are still there is kept on."""
        plan = Plan.of(self._model, self._settings)
        self.layers = plan.layers
        sizes = [math.prod(layer.shape) for layer in plan.layers]
        pays = sum(sizes) >= _WORTH_COMPILING
        self._compiled = pays and installed() if self._asked is None else self._asked
        earlier = {warm.layer.name: warm for warm in self._warm}
        self._warm = [
            WarmLayer(
                layer,
                plan.convolutions.get(layer.name),
                self.relative_error,
                self._compiled,
                self._seed,
            )
            for layer in plan.layers
        ]
        for warm in self._warm:
            before = earlier.get(warm.layer.name)
            if before is not None and before.layer.module is warm.layer.module:
                warm.kept = before.kept
        self._large = self._settings.conv == "flat" and max(sizes) >= _LARGE
        self._computes = any(parametrize.is_parametrized(m) for m in self._model.modules())
        self._modules = [(m, tuple(m._modules.values())) for m in self._model.modules()]

    def _replaced(self) -> bool:
        """Whether a submodule was replaced, added or taken out since the layers were found."""
        return any(tuple(m._modules.values()) != children for m, children in self._modules)

    @property
    def bounds(self) -> dict[str, float]:
        """Bounds on the relative error of the spectral norms of the last call."""
        return {warm.layer.name: warm.bound for warm in self._warm}

    @property
    def statuses(self) -> dict[str, str]:
        """Whether each of :attr:`bounds` is a ``"proof"`` or an ``"estimate"``."""
        return {warm.layer.name: "proof" if warm.proved else "estimate" for warm in self._warm}

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Natural logarithms in float64, keyed ``log_<name>``.

        Warns:
            NormlawsWarning: weights are not finite; the norms that contain them are NaN.
        """
        random = np.random.Generator(np.random.Philox(key=[self._seed, self._calls]))
        self._calls += 1
        if self._replaced():
            self._plan()
        reading = evaluation_mode(self._model) if self._computes else contextlib.nullcontext()
        with reading, self._threads():
            measure_layers(
                self._warm, random, self._calls, spectral=self._spectral, sums=self._sums
            )
        self.last = [warm.row for warm in self._warm]
        sigma, group, frobenius, l1 = np.array(self.last).T
        broken = np.isnan(sigma) | (np.isnan(group) & self._sums)
        if broken.any():
            warn_not_finite([self.layers[index].name for index in np.flatnonzero(broken)])
        values = {
            "spectral_complexity": formulas.log_spectral_complexity(sigma, group),
            "spectral_product": formulas.log_spectral_product(sigma),
            "frobenius": formulas.log_root_of_squares(frobenius),
            "l1": formulas.log_sum(l1),
            "group_21": formulas.log_sum(group),
        }
        if self._start is not None:
            moved = self._start.distances(self._model)
            values |= {name: log(part) for name, part in zip(DISTANCES, moved, strict=True)}
        return {f"log_{name}": values[name] for name in self.norms}

    def _threads(self) -> contextlib.AbstractContextManager[object]:
        if self._large and not (self._compiled and library()):
            return contextlib.nullcontext()
        return one_blas_thread()

    def state_dict(self) -> dict[str, Tensor]:
        """What a resumed training needs to record the same values, bit by bit."""
        state = {"calls": torch.tensor(self._calls)}
        if self._start is not None:
            state |= {f"{_START}{name}": at for name, at in self._start.state_dict().items()}
        for warm in self._warm:
            if warm.kept is not None:
                for part in _PARTS:
                    array = getattr(warm.kept, part)
                    state[f"{warm.layer.name}.{part}"] = torch.from_numpy(array.copy())
        return state

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a saved state.

        Raises:
            InputError: the state belongs to another model.
        """
        starts = {name for name in state if name.startswith(_START)}
        if self._start is not None:
            kept = {name.removeprefix(_START): state[name] for name in starts}
            self._start.load_state_dict(kept)
            state = {name: value for name, value in state.items() if name not in starts}
        names = [warm.layer.name for warm in self._warm]
        expected = {f"{name}.{part}" for name in names for part in _PARTS}
        if "calls" not in state or set(state) - expected - {"calls"}:
            raise InputError(
                "expected the state of a NormMeter of the same model, got the keys "
                f"{sorted(state)[:4]}"
            )
        with torch.no_grad(), evaluation_mode(self._model):
            found = [_kept(warm, state) for warm in self._warm]
        self._calls = int(state["calls"])
        for warm, pairs in zip(self._warm, found, strict=True):
            warm.kept = pairs


def _kept(warm: WarmLayer, state: dict[str, Tensor]) -> Kept | None:
    """What a saved state holds for one layer."""
    parts = [state.get(f"{warm.layer.name}.{part}") for part in _PARTS]
    if (
        all(part is None for part in parts)
        or {name for name, part in zip(_PARTS, parts, strict=True) if part is not None} == _EARLIER
    ):
        return None
    shapes = warm.kept_shapes()
    found = [tuple(part.shape) if part is not None else None for part in parts]
    if found != shapes:
        raise InputError(
            f"expected {', '.join(_PARTS)} of {warm.layer.name} of shapes {shapes}, got {found}"
        )
    types = (warm.dtype, torch.float64, *[warm.dtype] * 4, torch.float64)
    arrays = [
        part.detach().to("cpu", kind, copy=True).contiguous().numpy()
        for part, kind in zip(parts, types, strict=True)
        if part is not None
    ]
    return Kept(*arrays)
