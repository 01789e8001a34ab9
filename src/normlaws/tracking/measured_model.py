"""Norms and gauges of a model in training, wherever its weights are."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from normlaws.errors import InputError, NormlawsWarning, allowed
from normlaws.gauges import Gauge
from normlaws.norms import DATA_FREE_NORMS, NormMeter
from normlaws.tracking import processes
from normlaws.tracking.bare import BareModel

_LAYER_VALUE = {  # the norm of one layer alone, a field of NormMeter.last
    "spectral_complexity": "log_group_21",
    "spectral_product": "log_spectral_norm",
    "frobenius": "log_frobenius",
    "l1": "log_l1",
    "group_21": "log_group_21",
}


class MeasuredModel:
    """A warm meter and gauges in the main process, fed by all where weights are sharded.

    Attributes:
        names: the norms that are measured.
        conventions: how they are read, in words.

    Args:
        model: as the training uses it.
        norms: which of the data-free norms; all by default.
        conv: reading of convolutions.
        example_input: one batch of inputs, for ``conv="operator"``.
        gauges: further quantities.

    Raises:
        InputError: an argument is refused, the model holds no weight matrix, or a gauge was used
            before.
    """

    def __init__(
        self,
        model: nn.Module,
        norms: Iterable[str] | None,
        conv: str,
        example_input: Any,
        gauges: Sequence[Gauge] = (),
    ) -> None:
        _check_gauges(gauges)
        self.names = DATA_FREE_NORMS if norms is None else tuple(norms)
        if unknown := set(self.names) - set(DATA_FREE_NORMS):
            raise InputError(
                f"expected norms among {allowed(DATA_FREE_NORMS)}, got {allowed(unknown)}; the "
                "distance from the start is recorded by gauges=[nl.gauges.Distance()]"
            )
        self.conventions = {
            "norms": list(self.names),
            "conv": conv,
            "definition": "bartlett",
            "batch_norm": "not folded",
            "gains": "not counted",
        }
        if gauges:
            self.conventions["gauges"] = [type(gauge).__name__ for gauge in gauges]
        self._gauges = tuple(gauges)
        self._said = False
        self._bare = BareModel(model)
        self._bare.gather()
        self._device_kinds = {parameter.device.type for parameter in model.parameters()}
        self._values: dict[str, float] = {}
        self._meter: NormMeter | None = None
        processes.from_main(lambda: self._prepare(conv, example_input))

    def measure(self, step: int) -> dict[str, float]:
        """Natural logarithms, keyed ``log_<name>``; empty in other processes than the main one.

        Args:
            step: optimiser steps done.

        Warns:
            NormlawsWarning: a gauge does not know the start of the training, and is left out.
        """
        self._bare.gather()
        if self._meter is not None and self._bare.module is not None:
            with _plain_arithmetic(self._device_kinds):
                self._values = self._meter.measure()
                for gauge in self._ready_gauges(step):
                    self._values |= gauge.measure(self._bare.module, step)
        return dict(self._values)

    def _ready_gauges(self, step: int) -> list[Gauge]:
        ready = [gauge for gauge in self._gauges if gauge.begun or step == 0]
        if len(ready) < len(self._gauges) and not self._said:
            self._said = True
            late = [type(gauge).__name__ for gauge in self._gauges if gauge not in ready]
            warnings.warn(
                f"{allowed(late)} refers to the start of the training, which was not seen: record "
                "step 0, or load the tracker's state_dict from the checkpoint; it is left out",
                NormlawsWarning,
                stacklevel=4,
            )
        return ready

    def scalars(self) -> dict[str, float]:
        """The last measurement, of the network and of every layer alone."""
        if self._meter is None or not self._values:
            return {}
        found = {f"norm/{name}/global": value for name, value in self._values.items()}
        for layer, row in zip(self._meter.layers, self._meter.last, strict=True):
            for name in self.names:
                found[f"norm/log_{name}/{layer.name}"] = getattr(row, _LAYER_VALUE[name])
        return found

    def _prepare(self, conv: str, example_input: Any) -> None:
        if self._bare.module is None:
            return
        if self._bare.sharded:
            example_input = _in_main_memory(example_input)
        self._meter = NormMeter(
            self._bare.module, norms=self.names, conv=conv, example_input=example_input
        )

    def state_dict(self) -> dict[str, Any]:
        """States of the meter and of the gauges; empty in other processes than the main one."""
        meter = {} if self._meter is None else self._meter.state_dict()
        gauges = [gauge.state_dict() for gauge in self._gauges if self._meter is not None]
        return {"meter": meter} | ({"gauges": gauges} if gauges else {})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state.

        Raises:
            InputError: the state belongs to another model, or to other gauges.
        """
        if self._meter is None or not state["meter"]:
            return
        self._meter.load_state_dict(dict(state["meter"]))
        saved = state.get("gauges", [])
        if len(saved) != len(self._gauges):
            raise InputError(
                f"expected the state of a tracker with {len(self._gauges)} gauges, got one with "
                f"{len(saved)}"
            )
        for gauge, values in zip(self._gauges, saved, strict=True):
            gauge.load_state_dict(values)


def _check_gauges(gauges: Sequence[Gauge]) -> None:
    names = [name for gauge in gauges for name in gauge.names]
    if len(set(names)) < len(names):
        raise InputError(f"expected gauges of different names, got {allowed(names)}")
    for gauge in gauges:
        if gauge.state_dict():
            raise InputError(
                f"expected gauges that have measured nothing yet, got a {type(gauge).__name__} of "
                "another run; make new ones for each"
            )


@contextlib.contextmanager
def _plain_arithmetic(device_kinds: set[str]) -> Iterator[None]:
    """Neither autocast nor inference mode, whatever the training has around the record."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        for kind in sorted({"cpu"} | device_kinds):
            if torch.amp.is_autocast_available(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


def _in_main_memory(value: Any) -> Any:
    return pytree.tree_map(lambda leaf: leaf.cpu() if isinstance(leaf, Tensor) else leaf, value)
