"""The norms of a model in training, wherever its weights are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from normlaws.norms import DATA_FREE_NORMS, NormMeter
from normlaws.tracking import processes
from normlaws.tracking.bare import BareModel

_LAYER_VALUE = {  # the norm of one layer alone, a field of NormMeter.last
    "spectral_complexity": "log_group_21",
    "spectral_product": "log_sigma",
    "frobenius": "log_frobenius",
    "l1": "log_l1",
    "group_21": "log_group_21",
}


class Gauge:
    """A warm meter in the main process, fed by all where weights are sharded.

    Attributes:
        names: the norms that are measured.
        conventions: how they are read, in words.

    Args:
        model: as the training uses it.
        norms: which of the data-free norms; all where omitted.
        conv: reading of convolutions.
        example_input: one batch of inputs, for ``conv="operator"``.

    Raises:
        InputError: an argument is refused, or the model holds no weight matrix.
    """

    def __init__(
        self, model: nn.Module, norms: Iterable[str] | None, conv: str, example_input: Any
    ) -> None:
        self.names = DATA_FREE_NORMS if norms is None else tuple(norms)
        self.conventions = {
            "norms": list(self.names),
            "conv": conv,
            "definition": "bartlett",
            "batch_norm": "not folded",
            "gains": "not counted",
        }
        self._bare = BareModel(model)
        self._bare.gather()
        self._device_kinds = {parameter.device.type for parameter in model.parameters()}
        self._values: dict[str, float] = {}
        self._meter: NormMeter | None = None
        processes.from_main(lambda: self._prepare(conv, example_input))

    def measure(self) -> dict[str, float]:
        """Natural logarithms, keyed ``log_<name>``; empty in other processes than the main one."""
        self._bare.gather()
        if self._meter is not None:
            with _plain_arithmetic(self._device_kinds):
                self._values = self._meter.measure()
        return dict(self._values)

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
            self._bare.module, names=self.names, conv=conv, example_input=example_input
        )

    def state_dict(self) -> dict[str, Tensor]:
        """State of the meter; empty in other processes than the main one."""
        return {} if self._meter is None else self._meter.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from a saved state.

        Raises:
            InputError: the state belongs to another model.
        """
        if self._meter is not None and state:
            self._meter.load_state_dict(dict(state))


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
