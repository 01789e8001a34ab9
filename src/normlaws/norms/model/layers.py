"""Model -> weight layers: every matrix that the network multiplies by, found and named.

One handler per kind of module stands in :mod:`normlaws.norms.model.kinds`; this module walks the
model, counts tied weights once, and makes sure that no parameter is passed over silently.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from normlaws.errors import InputError, NormlawsWarning
from normlaws.norms.model.descriptions import (
    is_adapter_weight,
    measured_as,
    unknown,
    why_named_uncounted,
)
from normlaws.norms.model.reading import dense, evaluation_mode, owned_gains
from normlaws.norms.model.weight_layer import Read, Uncounted, WeightLayer


@dataclass(frozen=True)
class Inventory:
    """Every parameter of a model: in a layer, or uncounted for a stated reason."""

    layers: tuple[WeightLayer, ...]
    uncounted: tuple[Uncounted, ...]


Handler = Callable[[str, Any], Iterable[WeightLayer]]


@dataclass(frozen=True)
class _Registered:
    test: Callable[[nn.Module], bool]
    handler: Handler
    whole: bool
    first: bool


_HANDLERS: list[_Registered] = []


def handles(*types: type[nn.Module]) -> Callable[[Handler], Handler]:
    """Register a handler for module types; the handler registered last is asked first."""
    return handles_when(lambda module: isinstance(module, types))


def handles_when(
    test: Callable[[nn.Module], bool], *, whole: bool = False, first: bool = False
) -> Callable[[Handler], Handler]:
    """Register a handler for the modules that pass ``test``.

    Args:
        test: asked for every module of a model.
        whole: the handler covers the module's children too, which are then not visited.
        first: the handler is asked before those of plain module types, whatever the order of
            registration.
    """

    def register(handler: Handler) -> Handler:
        _HANDLERS.insert(0, _Registered(test, handler, whole, first))
        _HANDLERS.sort(key=lambda entry: not entry.first)
        return handler

    return register


def inventory(model: nn.Module) -> Inventory:
    """Find every weight layer of ``model``, in the order of its parameters.

    Raises:
        InputError: ``model`` is not a module, holds no weight matrix, or a lazy one.

    Warns:
        NormlawsWarning: a module is unknown, and how its weight is measured.
    """
    if not isinstance(model, nn.Module):
        raise InputError(
            f"expected a torch.nn.Module, got a {type(model).__name__}; "
            "for a file of weights use `normlaws measure FILE`"
        )
    _refuse_lazy(model)
    with evaluation_mode(model):  # spectral_norm refines its vectors when read in training
        known, covered = known_layers(model)
        layers = [layer for layer in _tie(known) if math.prod(layer.shape)]
    counted = {id(source) for layer in layers for source in layer.sources}
    unknown, uncounted = _leftovers(model, counted, covered)
    layers += unknown
    if not layers:
        raise InputError(
            f"expected a model with at least one weight matrix, got {type(model).__name__} "
            f"with {sum(1 for _ in model.parameters())} parameters, none of them a matrix"
        )
    return Inventory(tuple(_in_order(model, layers, covered)), tuple(uncounted))


def _refuse_lazy(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if isinstance(parameter, UninitializedParameter):
            raise InputError(
                f"expected weights with numbers, but {name} is not initialised yet; pass one batch "
                "through the model first"
            )


def _in_order(
    model: nn.Module, layers: list[WeightLayer], covered: tuple[str, ...]
) -> list[WeightLayer]:
    """By the first of its parameters; what one handler covers as a whole stays in its order."""
    place = {id(parameter): index for index, parameter in enumerate(model.parameters())}
    places: list[int] = []
    for layer in layers:  # what is made of no parameter stays behind the layer before it
        found = [place[id(source)] for source in layer.sources if id(source) in place]
        places.append(min(found, default=places[-1] if places else 0))
    wholes = [_within(layer, covered) for layer in layers]
    for whole in covered:
        inside = [index for index, each in enumerate(wholes) if each == whole]
        first = min((places[index] for index in inside), default=0)
        for index in inside:
            places[index] = first
    order = sorted(range(len(layers)), key=places.__getitem__)
    return [layers[index] for index in order]


def _within(layer: WeightLayer, covered: tuple[str, ...]) -> str | None:
    """The covered prefix that a layer stands under."""
    path = f"{layer.name.partition('[')[0]}."
    return next((prefix for prefix in covered if path.startswith(prefix)), None)


def known_layers(model: nn.Module, prefix: str = "") -> tuple[list[WeightLayer], tuple[str, ...]]:
    """The layers of the known modules, and the prefixes that handlers covered as a whole.

    Args:
        model: a model, or one of its modules.
        prefix: the name of that module; names tell fused projections.
    """
    found: list[WeightLayer] = []
    covered: tuple[str, ...] = ()
    for name, module in model.named_modules(prefix=prefix, remove_duplicate=False):
        if covered and name.startswith(covered):
            continue
        entry = next((entry for entry in _HANDLERS if entry.test(module)), None)
        if entry is not None:
            found += entry.handler(name, module)
            if entry.whole:
                covered += (f"{name}.",) if name else ("",)
    return found, covered


def _tie(layers: Iterable[WeightLayer]) -> list[WeightLayer]:
    """Count layers made of the same parameters once, under the first name."""
    first: dict[tuple[object, ...], WeightLayer] = {}
    for layer in layers:
        part = layer.name.partition("[")[2]
        key = (*(id(source) for source in layer.sources), part)
        kept = first.get(key)
        first[key] = replace(kept, tied=(*kept.tied, layer.name)) if kept else layer
    return list(first.values())


def _leftovers(
    model: nn.Module, counted: set[int], covered: tuple[str, ...]
) -> tuple[list[WeightLayer], list[Uncounted]]:
    layers, uncounted = [], []
    owners = dict(model.named_modules())
    strange: list[str] = []
    told: dict[tuple[str, str], list[tuple[str, tuple[int, ...]]]] = {}
    for name, parameter in model.named_parameters():
        if id(parameter) in counted:
            continue
        owner = owners[name.rpartition(".")[0]]
        reason = why_uncounted(owner, parameter, name)
        if covered and name.startswith(covered):
            reason = reason or "no matrix of the layer that it belongs to"
        if reason is None and is_adapter_weight(name):
            reason = "part of an adapter that is not understood"
            strange.append(name)
        if reason:
            uncounted.append(Uncounted(name, tuple(parameter.shape), reason))
            continue
        key = type(owner).__name__, name.rpartition(".")[2]
        told.setdefault(key, []).append((name, tuple(parameter.shape)))
        layers.append(_unknown_layer(name, owner, parameter))
    for (owner_name, _), names in told.items():
        _warn_unknown(owner_name, names)
    if strange:
        warnings.warn(
            f"{', '.join(strange[:3])} ({len(strange)} in all) belong to adapters that normlaws "
            "does not understand; they are left out",
            NormlawsWarning,
            stacklevel=4,
        )
    return layers, uncounted


def _warn_unknown(owner: str, names: list[tuple[str, tuple[int, ...]]]) -> None:
    name, shape = names[0]
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    warnings.warn(
        f"{name}{more} belongs to a {owner}, which normlaws does not know; its weight "
        f"of shape {shape} is measured "
        f"{measured_as(shape, owner + name)}",
        NormlawsWarning,
        stacklevel=5,
    )


def why_uncounted(owner: nn.Module | None, parameter: Tensor, name: str) -> str | None:
    """Why a parameter is no weight matrix; None where it is one.

    Args:
        owner: the module that it belongs to; None for a tensor of a file.
        parameter: of any shape.
        name: its full name.
    """
    if not parameter.numel():
        return "a side of length 0"
    if owner is not None and any(parameter is gain for gain in owned_gains(owner)):
        return "gain of a normalisation layer"
    if sum(side > 1 for side in parameter.shape) <= 1:
        return "bias, gain or other vector"
    if _broadcast(tuple(parameter.shape)):
        return "broadcast: added or multiplied elementwise"
    stem, _, attribute = name.rpartition(".")
    return why_named_uncounted(attribute, stem.rpartition(".")[2])


def _broadcast(shape: tuple[int, ...]) -> bool:
    """Whether a raw weight stretches over the batch or the positions: (1, n, d) or (n, 1, d)."""
    return shape[0] == 1 or (len(shape) == 3 and shape[1] == 1)


def _unknown_layer(name: str, owner: nn.Module, parameter: Tensor) -> WeightLayer:
    attribute = name.rpartition(".")[2]
    bias = getattr(owner, f"{attribute}_bias", None)
    shape = tuple(parameter.shape)
    described = unknown(
        shape, type(owner).__name__ + name, None if bias is None else tuple(bias.shape)
    )
    (layer,) = described.layers(
        name, shape, lambda: dense(getattr(owner, attribute)), (parameter,), owner
    )
    return layer


__all__ = [
    "Inventory",
    "Read",
    "Uncounted",
    "WeightLayer",
    "handles",
    "handles_when",
    "inventory",
    "known_layers",
    "why_uncounted",
]
