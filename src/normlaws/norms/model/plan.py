"""What will be measured, and how it will be read: found once, used as often as wanted."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from torch import nn

from normlaws.errors import InputError, NormlawsWarning, allowed
from normlaws.norms.model import adapters, keras_layers, kinds, quantised
from normlaws.norms.model.gains import folded_layer, gain_layer, gain_layers
from normlaws.norms.model.layers import Uncounted, WeightLayer, inventory
from normlaws.norms.model.tracing import Trace, trace
from normlaws.norms.operators.geometry import CONVOLUTIONS, TRANSPOSED, Convolution

READINGS = ("flat", "operator")
HANDLED_IN = (adapters, keras_layers, kinds, quantised)  # importing them registers the handlers


@dataclass(frozen=True)
class Settings:
    """How to read a model; see :func:`normlaws.norms.measure`."""

    conv: str = "flat"
    fold_batch_norm: bool = False
    gains: bool = False
    example_input: Any = None


@dataclass(frozen=True)
class Plan:
    """The layers of one model under one reading."""

    layers: tuple[WeightLayer, ...]
    convolutions: dict[str, Convolution]
    uncounted: tuple[Uncounted, ...]
    conventions: dict[str, Any]

    @classmethod
    def of(cls, model: nn.Module, settings: Settings) -> Plan:
        """Find the layers and, where the reading needs it, trace one forward pass.

        Raises:
            InputError: an unknown reading, an example input that is missing or refused, or
                weights on the meta device.
        """
        if settings.conv not in READINGS:
            raise InputError(f"expected conv={allowed(READINGS)}, got {settings.conv!r}")
        found = inventory(model)
        _refuse_meta(model)
        seen = _traced(model, settings)
        layers = list(found.layers)
        folded: set[str] = set()
        if settings.fold_batch_norm:
            layers, folded = _fold(model, layers, seen)
        if settings.gains:
            layers += gain_layers(model, folded)
        convolutions = _convolutions(layers, seen) if settings.conv == "operator" else {}
        counted = {id(source) for layer in layers for source in layer.sources}
        named = dict(model.named_parameters())
        uncounted = tuple(item for item in found.uncounted if id(named[item.name]) not in counted)
        shapes = {
            layer.name: seen.input_shapes[layer.name][1:]
            for layer in layers
            if layer.name in convolutions
        }
        return cls(tuple(layers), convolutions, uncounted, conventions(settings, shapes))


def _refuse_meta(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if parameter.is_meta:
            raise InputError(
                f"expected weights with numbers, but {name} is on the meta device (a model that is "
                "offloaded or not loaded yet); measure its files, or load it into memory"
            )


def _traced(model: nn.Module, settings: Settings) -> Trace:
    if settings.conv == "flat" and not settings.fold_batch_norm:
        return Trace({}, {})
    if any(keras_layers.is_keras(module) for module in model.modules()):
        raise InputError(
            'expected conv="flat" and fold_batch_norm=False for a Keras model, whose layers are '
            f"not traced, got conv={settings.conv!r}, fold_batch_norm={settings.fold_batch_norm}"
        )
    if settings.example_input is None:
        raise InputError(
            'expected example_input= for conv="operator" or fold_batch_norm=True, got none; '
            "give one batch of inputs of the usual size"
        )
    return trace(model, settings.example_input)


def _fold(
    model: nn.Module, layers: list[WeightLayer], seen: Trace
) -> tuple[list[WeightLayer], set[str]]:
    """Fold what follows a layer; a batch-norm that follows none counts as diagonal."""
    modules = dict(model.named_modules())
    after = {layer.name: seen.batch_norm_after.get(layer.name) for layer in layers}
    folded = {name for name in after.values() if name}
    new = [
        folded_layer(layer, modules[after[layer.name]]) if after[layer.name] else layer
        for layer in layers
    ]
    alone = [
        gain_layer(name, module)
        for name, module in modules.items()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
        and name not in folded
        and module.weight is not None
    ]
    return new + alone, folded | {layer.name for layer in alone}


def _convolutions(layers: list[WeightLayer], seen: Trace) -> dict[str, Convolution]:
    found = {}
    for layer in layers:
        if not isinstance(layer.module, CONVOLUTIONS + TRANSPOSED):
            continue
        if layer.name in seen.input_shapes:
            found[layer.name] = Convolution.of(layer.module, seen.input_shapes[layer.name])
            continue
        warnings.warn(
            f"{layer.name} was not called on example_input, so the size of its feature maps is "
            "unknown; it is measured as flat",
            NormlawsWarning,
            stacklevel=5,
        )
    return found


def conventions(settings: Settings, shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """How things are read, in words."""
    return {
        "conv": settings.conv,
        "batch_norm": "folded" if settings.fold_batch_norm else "not folded",
        "gains": "counted" if settings.gains else "not counted",
        "biases": "not counted",
        "embeddings": "counted as matrices acting on one-hot tokens",
        "tied_weights": "counted once",
        "grouped_convolutions": "block-diagonal: largest group",
        "input_shapes": shapes,
    }
