"""How far a network is from its linearisation, along a training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from normlaws.errors import InputError
from normlaws.gauges.gauge import Gauge, below, check_state
from normlaws.gauges.network import Outputs, Weights, copied, middle, statistics_of, weights_of


class Telescope(Gauge):
    """Lazy error, telescope error and kernel change over probes.

    After Jeffares, Curth & van der Schaar 2024, arXiv 2411.00247.

    * ``log_lazy_error``: |f − l| / |f − f₀|, where l = f₀ + J₀(θ − θ₀) is the network linearised at
      the start: 0 in the kernel regime, near 1 in the rich one; for any network and loss.
    * ``log_telescope_error``: |f − g| / |f − f₀|, where g adds up J(½(θ_a + θ_b))(θ_b − θ_a) from
      record to record: how well the records resolve the path. Log-spaced records of growth 1.25
      reach about 1e-3.
    * ``log_kernel_change``: ‖(K − K₀)U‖_F / ‖K₀U‖_F, K = J Jᵀ over the first ``kernel_probes`` and
      their outputs, U random signs (all unit vectors, so exact, where there are no more of these
      than ``directions``).

    Outputs are those of evaluation mode. Running statistics (batch norm) are no weights: f, f₀, l
    and K₀ are all taken under the present ones, and what they move is added to g exactly. All three
    are NaN at the start, where nothing has moved.

    Args:
        probes: inputs, for instance 64 test examples: a tensor (n, …), a tuple of positional or a
            dictionary of keyword arguments.
        kernel_probes: of these, for the kernel.
        directions: columns of U.
        seed: of U.
    """

    names = ("lazy_error", "telescope_error", "kernel_change")

    def __init__(
        self, probes: Any, *, kernel_probes: int = 8, directions: int = 4, seed: int = 0
    ) -> None:
        if kernel_probes < 1 or directions < 1:
            raise InputError(
                "expected at least one kernel probe and one direction, got "
                f"kernel_probes={kernel_probes}, directions={directions}"
            )
        self._probes = probes
        self._first = pytree.tree_map(lambda leaf: leaf[:kernel_probes], probes)
        self._directions, self._seed = directions, seed
        self._start: Weights = {}
        self._last: Weights = {}
        self._statistics: Weights = {}
        self._sum = torch.empty(0)  # g, (n, outputs) float64
        self._kernel: Tensor | None = None  # K₀U

    @property
    def begun(self) -> bool:
        """Whether the start was seen."""
        return bool(self._start)

    def measure(self, model: nn.Module, step: int | None = None) -> dict[str, float]:
        """The three values since the start, which is now if this is the first measurement."""
        now = weights_of(model)
        outputs = Outputs(model, self._probes)
        value = outputs(now).double()
        if not self._start:
            self._begin(model, now, value)
            return self._values(*[math.nan] * 3)
        self._check(now)
        self._advance(model, now, value)
        moved = {name: now[name] - self._start[name] for name in now}
        start, linear = outputs.along(self._start, moved)
        travelled = value - start.double()
        whole = float(travelled.norm())
        if whole == 0:
            return self._values(*[math.nan] * 3)
        lazy = float((travelled - linear.double()).norm()) / whole
        missed = float((value - self._sum).norm()) / whole
        return self._values(lazy, missed, self._kernel_change(model, now))

    def state_dict(self) -> dict[str, Tensor]:
        """Weights at the start and at the last record, statistics, and g."""
        if not self._start:
            return {}
        parts = {"start": self._start, "last": self._last, "statistics": self._statistics}
        flat = {f"{part}.{n}": value for part, found in parts.items() for n, value in found.items()}
        return flat | {"sum": self._sum}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from a saved state."""
        if not state:
            return
        statistics = {"statistics"} if below("statistics.", state) else set()
        check_state(self, state, {"start", "last", "sum"} | statistics)
        self._start, self._last, self._statistics = (
            copied(below(f"{part}.", state)) for part in ("start", "last", "statistics")
        )
        self._sum = state["sum"].detach().clone()

    def _begin(self, model: nn.Module, now: Weights, value: Tensor) -> None:
        self._start, self._last = copied(now), copied(now)
        self._statistics, self._sum = statistics_of(model), value

    def _check(self, now: Weights) -> None:
        shapes = {name: tuple(value.shape) for name, value in now.items()}
        if shapes != {name: tuple(value.shape) for name, value in self._start.items()}:
            raise InputError(
                "expected the model that the telescope started with, got one with other weights"
            )
        device = next(iter(now.values())).device
        if self._sum.device != device:  # a state that was loaded from a file
            self._sum = self._sum.to(device)
            for kept in (self._start, self._last, self._statistics):
                kept.update({name: value.to(device) for name, value in kept.items()})

    def _advance(self, model: nn.Module, now: Weights, value: Tensor) -> None:
        """One more term of g."""
        statistics = statistics_of(model)
        earlier = dict(model.named_buffers()) | self._statistics
        before = Outputs(model, self._probes, earlier)
        _, moved = before.along(*middle(self._last, now))
        self._sum = self._sum + moved.double()
        if _differ(statistics, self._statistics):
            self._sum = self._sum + (value - before(now).double())
        self._last, self._statistics = copied(now), statistics

    def _kernel_change(self, model: nn.Module, now: Weights) -> float:
        outputs = Outputs(model, self._first)
        basis = self._basis(outputs(now))
        if self._kernel is None or self._statistics:
            self._kernel = outputs.kernel_products(self._start, basis).double()
        change = outputs.kernel_products(now, basis).double() - self._kernel
        return float(change.norm()) / (float(self._kernel.norm()) or math.nan)

    def _basis(self, like: Tensor) -> Tensor:
        """Columns of U as (directions, n, outputs)."""
        if like.numel() <= self._directions:
            units = torch.eye(like.numel(), dtype=like.dtype, device=like.device)
            return units.view(-1, *like.shape)
        generator = torch.Generator().manual_seed(self._seed)
        shape = (self._directions, *like.shape)
        signs = torch.randint(0, 2, shape, generator=generator) * 2 - 1
        return signs.to(like)


def _differ(first: Weights, second: Weights) -> bool:
    return any(not torch.equal(value, second[name]) for name, value in first.items())
