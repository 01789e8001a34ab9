"""Model -> weight layers: every matrix that the network multiplies by, found and named.

One handler per kind of module stands in :mod:`normlaws.norms.model.kinds`; this module walks the
model, counts tied weights once, and makes sure that no parameter is passed over silently.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from normlaws.errors import InputError, NormlawsWarning
from normlaws.norms.model.reading import evaluation_mode, owned_gains

Read = Callable[[], Tensor]  # () -> (groups, out, in)


@dataclass(frozen=True)
class WeightLayer:
    """One linear operator of the network.

    Attributes:
        name: path in the model; parts of a fused projection end in ``[query]`` and so on.
        kind: ``linear``, ``conv2d``, ``attention.query``, ``embedding``, …
        shape: shape of the stored weight (of its part, for a fused projection).
        read: returns the current blocks A_g of the block-diagonal flat matrix, as one tensor
            (groups, rows = outputs, columns = inputs); a view of the live weight where possible.
        sources: the parameters that it is made of; layers with the same sources are tied.
        module: the module that owns the weight.
        tied: names under which the same weight is used again.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    read: Read = field(repr=False)
    sources: tuple[Tensor, ...] = field(repr=False)
    module: Any = field(repr=False)
    tied: tuple[str, ...] = ()


@dataclass(frozen=True)
class Uncounted:
    """A parameter that is no weight matrix, and why."""

    name: str
    shape: tuple[int, ...]
    reason: str


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


_HANDLERS: list[_Registered] = []


def handles(*types: type[nn.Module]) -> Callable[[Handler], Handler]:
    """Register a handler for module types; the handler registered last is asked first."""
    return handles_when(lambda module: isinstance(module, types))


def handles_when(
    test: Callable[[nn.Module], bool], *, whole: bool = False
) -> Callable[[Handler], Handler]:
    """Register a handler for the modules that pass ``test``.

    Args:
        test: asked for every module of a model.
        whole: the handler speaks for the module's children too, which are then not visited.
    """

    def register(handler: Handler) -> Handler:
        _HANDLERS.insert(0, _Registered(test, handler, whole))
        return handler

    return register


def inventory(model: nn.Module) -> Inventory:
    """Find every weight layer of ``model``, in the order of its modules.

    Raises:
        InputError: ``model`` is not a module, or holds no weight matrix.
    """
    if not isinstance(model, nn.Module):
        raise InputError(
            f"expected a torch.nn.Module, got a {type(model).__name__}; "
            "for a file of weights use `normlaws measure FILE`"
        )
    with evaluation_mode(model):  # spectral_norm refines its vectors when read in training
        known, spoken_for = _known(model)
        layers = _tie(known)
    counted = {id(source) for layer in layers for source in layer.sources}
    unknown, uncounted = _leftovers(model, counted, spoken_for)
    layers += unknown
    if not layers:
        raise InputError(
            f"expected a model with at least one weight matrix, got {type(model).__name__} "
            f"with {sum(1 for _ in model.parameters())} parameters, none of them a matrix"
        )
    return Inventory(tuple(layers), tuple(uncounted))


def _known(model: nn.Module) -> tuple[list[WeightLayer], tuple[str, ...]]:
    """The layers of the known modules, and the prefixes under which handlers spoke for all."""
    found: list[WeightLayer] = []
    spoken_for: tuple[str, ...] = ()
    for name, module in model.named_modules(remove_duplicate=False):
        if spoken_for and name.startswith(spoken_for):
            continue
        entry = next((entry for entry in _HANDLERS if entry.test(module)), None)
        if entry is not None:
            found += entry.handler(name, module)
            if entry.whole:
                spoken_for += (f"{name}.",) if name else ("",)
    return found, spoken_for


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
    model: nn.Module, counted: set[int], spoken_for: tuple[str, ...]
) -> tuple[list[WeightLayer], list[Uncounted]]:
    layers, uncounted = [], []
    owners = dict(model.named_modules())
    for name, parameter in model.named_parameters():
        if id(parameter) in counted:
            continue
        owner = owners[name.rpartition(".")[0]]
        reason = why_uncounted(owner, parameter)
        if spoken_for and name.startswith(spoken_for):
            reason = reason or "no matrix of the layer that it belongs to"
        if reason:
            uncounted.append(Uncounted(name, tuple(parameter.shape), reason))
            continue
        warnings.warn(
            f"{name} belongs to a {type(owner).__name__}, which normlaws does not know; its weight "
            f"of shape {tuple(parameter.shape)} is measured as flat",
            NormlawsWarning,
            stacklevel=4,
        )
        layers.append(_unknown_layer(name, owner, parameter))
    return layers, uncounted


def why_uncounted(owner: nn.Module, parameter: Tensor) -> str | None:
    """Why a parameter is no weight matrix; None where it is one."""
    if any(parameter is gain for gain in owned_gains(owner)):
        return "gain of a normalisation layer"
    if sum(side > 1 for side in parameter.shape) <= 1:
        return "bias, gain or other vector"
    if parameter.shape[0] == 1:
        return "broadcast over the batch: added or multiplied elementwise"
    return None


def _unknown_layer(name: str, owner: nn.Module, parameter: Tensor) -> WeightLayer:
    attribute = name.rpartition(".")[2]

    def read() -> Tensor:
        weight = getattr(owner, attribute)
        return weight.reshape(1, weight.shape[0], -1)

    return WeightLayer(name, "unknown", tuple(parameter.shape), read, (parameter,), owner)
