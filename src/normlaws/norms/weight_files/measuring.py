"""The norms of a state dict or file: described as its model would be, then measured."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from normlaws.errors import InputError, NormlawsWarning
from normlaws.norms.measurement import Measurement, summarise
from normlaws.norms.model import descriptions
from normlaws.norms.model.descriptions import is_adapter_weight
from normlaws.norms.model.layers import Uncounted, WeightLayer, why_uncounted
from normlaws.norms.model.plan import Plan, Settings, conventions
from normlaws.norms.weight_files import opening
from normlaws.norms.weight_files.adapters import adapter_layers, is_adapter_alone
from normlaws.norms.weight_files.evidence import Evidence
from normlaws.norms.weight_files.pages import give_back
from normlaws.norms.weight_files.sizes import check_tensors
from normlaws.norms.weight_files.stored import Stored, stored_weights
from normlaws.norms.weight_files.wrapped import State, bare_keys, state_in
from normlaws.storage.reading import reads

_LOOKED_AT = 1 << 22  # entries up to which a table without a telling name is looked at
Progress = Callable[[int, int, str], None]


@reads("weights that can be measured")
def measure_file(
    path: str | Path,
    *,
    key: str | None = None,
    exact: bool = False,
    progress: Progress | None = None,
) -> Measurement:
    """Measure the weights in a file or folder: safetensors, or what ``torch.save`` wrote.

    A folder is one of Hugging Face (whole or in shards, an adapter alone), or holds one file of
    weights. The content decides what a file is, not its ending. Nothing in it can run code.

    Args:
        path: file, folder, or ``….index.json`` of a checkpoint in shards.
        key: where in the file the network is, with points between nested keys (``"state_dict"``,
            ``"nets.generator"``); found automatically where it is unambiguous.
        exact: decompose large matrices, too, whose spectral norm is else iterated until its
            bound is below 1e-6 (an estimate, see docs/norms-reference.md).
        progress: called with the layers done, their number, and the name of the next.

    Raises:
        DataNotFoundError: there is no such file, or a shard is missing.
        InputError: no weight matrix, several networks, one shard of several, or packed weights in
            a form that is not known.
        CorruptFileError: the file is damaged, or holds more than tensors.

    Warns:
        NormlawsWarning: something was guessed or left out.
    """
    path = Path(path)
    state = read_state(path, key)
    settings = opening.adapter_settings(path) if is_adapter_alone(state) else None
    return _measured(state, settings, exact, progress, give_back)


@reads("weights")
def read_state(path: Path, key: str | None = None) -> State:
    """The tensors of a file or folder, by name; see :func:`measure_file`."""
    state = state_in(opening.opened(path), str(path), key)
    check_tensors(state.values(), str(path), opening.stored_bytes(path))
    return state


def measure_state(
    state: Mapping[str, Tensor],
    *,
    adapter: Mapping[str, Any] | None = None,
    exact: bool = False,
    progress: Progress | None = None,
) -> Measurement:
    """Measure a state dict, flat, reading kinds from names and shapes.

    Weight norm, spectral norm, pruning and known forms of quantisation are computed as the model
    would; fused projections are split, and GPT-2's transposed layers and transposed convolutions
    are told by their biases. What names and shapes leave in doubt is named in a warning.

    Args:
        state: names and tensors.
        adapter: the ``adapter_config.json`` of a file that holds an adapter alone.
        exact: see :func:`measure_file`.
        progress: see :func:`measure_file`.

    Raises:
        InputError: no weight matrix is in ``state``, or packed weights in an unknown form.
    """
    return _measured(state, adapter, exact, progress, None)


def _measured(
    state: Mapping[str, Tensor],
    adapter: Mapping[str, Any] | None,
    exact: bool,
    progress: Progress | None,
    done: Callable[[WeightLayer], None] | None,
) -> Measurement:
    state = bare_keys(state)
    plan = plan_of(state, adapter)
    parameters = sum(tensor.numel() for tensor in _distinct(state))
    return summarise(plan, parameters=parameters, exact=exact, progress=progress, done=done)


def plan_of(state: Mapping[str, Tensor], adapter: Mapping[str, Any] | None = None) -> Plan:
    """The layers of a state dict; see :func:`measure_state`."""
    if is_adapter_alone(state):
        layers = adapter_layers(state, adapter)
        said = conventions(Settings(), {}) | {"read_from": "pairs of a LoRA adapter, without base"}
        return Plan(tuple(layers), {}, (), said)
    found = _Found()
    weights = [weight for weight in stored_weights(state) if weight.name]
    evidence = Evidence({weight.name: weight.shape for weight in weights if not weight.skipped})
    for weight in weights:
        found.take(weight, evidence)
    found.warn(evidence)
    if not found.layers:
        raise InputError(
            f"expected at least one weight matrix, got {len(state)} tensors, none of them a matrix"
        )
    said = conventions(Settings(), {}) | {"read_from": "names and shapes of a state dict"}
    return Plan(tuple(found.layers), {}, tuple(found.uncounted), said)


class _Found:
    """What a state dict comes to: layers, the rest with reasons, and doubts."""

    def __init__(self) -> None:
        self.layers: list[WeightLayer] = []
        self.uncounted: list[Uncounted] = []
        self._seen: dict[tuple[Any, ...], int] = {}
        self._unknown: dict[str, str] = {}
        self._adapters: list[str] = []
        self._skipped: list[str] = []

    def take(self, weight: Stored, evidence: Evidence) -> None:
        """Count one weight, or note why it does not count."""
        reason = weight.skipped or _reason(weight)
        if weight.skipped and weight.skipped != "no numbers":
            self._skipped.append(weight.name)
        if reason is None and is_adapter_weight(weight.name):
            reason = "part of an adapter whose scaling the file does not tell"
            self._adapters.append(weight.name)
        if reason is not None:
            self.uncounted.append(Uncounted(weight.name, weight.shape, reason))
            return
        described = evidence.describe(weight.name)
        if described is None:
            described = weight.name, self._guess(weight, evidence)
        name, description = described
        name = name.removesuffix(".base_layer") or weight.name
        for layer in description.layers(name, weight.shape, weight.read, weight.sources):
            self._keep(layer)

    def _keep(self, layer: WeightLayer) -> None:
        """Tensors that share their memory are tied and count once."""
        key = (
            *((tensor.data_ptr(), tuple(tensor.shape)) for tensor in layer.sources),
            layer.name.partition("[")[2],
        )
        if key not in self._seen:
            self._seen[key] = len(self.layers)
            self.layers.append(layer)
            return
        first = self.layers[self._seen[key]]
        self.layers[self._seen[key]] = WeightLayer(
            first.name, first.kind, first.shape, first.read, first.sources, None,
            (*first.tied, layer.name),
        )  # fmt: skip

    def _guess(self, weight: Stored, evidence: Evidence) -> descriptions.Description:
        self._unknown[weight.name] = descriptions.measured_as(weight.shape, weight.name)
        bias = evidence.shapes.get(f"{weight.name}_bias")
        return descriptions.unknown(weight.shape, weight.name, bias)

    def warn(self, evidence: Evidence) -> None:
        """Say in one sentence each what was guessed and what was left out."""
        for how, names in _by_value({**self._unknown, **evidence.doubts}).items():
            _warn(f"{_some(names)} could be read in several ways from a file alone; measured {how}")
        if self._adapters:
            _warn(
                f"{_some(self._adapters)} belong to adapters whose scaling the file does not tell; "
                "their base is measured without them"
            )
        if self._skipped:
            _warn(
                f"{_some(self._skipped)} are computed by a parametrisation that the file does not "
                "describe; they are left out, and measuring the model counts them"
            )


def _reason(weight: Stored) -> str | None:
    attribute = weight.name.rpartition(".")[2]
    like = torch.empty(weight.shape, device="meta")
    if not like.numel():
        return "a side of length 0"
    reason = why_uncounted(None, like, weight.name)
    is_weight = attribute.startswith("weight") or attribute == "in_proj_weight"
    if is_weight and like.ndim > 1 and reason and not reason.startswith(("bias:", "mask")):
        return None
    if reason is None and not is_weight and like.numel() <= _LOOKED_AT:
        return _fixed(weight.read())
    return reason


def _fixed(table: Tensor) -> str | None:
    """Masks of zeros and ones (or −∞), and tables of sines, which no training has made."""
    if table.is_complex():
        return None
    values = table.double()
    low, high = values.min(), values.max()
    if bool(((values == low) | (values == high)).all()) and float(low) < float(high):
        return "mask: it holds two values alone"
    squares = values.reshape(-1, values.shape[-1]).square().sum(1)
    half = values.shape[-1] / 2
    if half > 1 and bool(((squares - half).abs() < 1e-4 * half).all()) and float(high) <= 1.0001:
        return "table of sines: added, not multiplied by"
    return None


def _distinct(state: Mapping[str, Tensor]) -> Iterator[Tensor]:
    seen = set()
    for tensor in state.values():
        key = (tensor.data_ptr(), tuple(tensor.shape))
        if tensor.is_floating_point() and key not in seen:
            seen.add(key)
            yield tensor


def _by_value(doubts: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, how in doubts.items():
        found.setdefault(how, []).append(name)
    return found


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _warn(message: str) -> None:
    warnings.warn(message, NormlawsWarning, stacklevel=6)
