"""Diagonal maps: gains of normalisation layers, and batch-norms folded into the map before them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from normlaws.norms.model.layers import WeightLayer
from normlaws.norms.model.reading import batch_norm_scale, is_normalisation

BATCH_NORMS = (nn.modules.batchnorm._BatchNorm,)


def gain_layers(model: nn.Module, folded: set[str]) -> Iterator[WeightLayer]:
    """One diagonal layer per normalisation with a gain, as blocks of one by one."""
    for name, module in model.named_modules():
        if name not in folded and is_normalisation(module) and _weight(module) is not None:
            yield gain_layer(name, module)


def gain_layer(name: str, module: Any) -> WeightLayer:
    """diag(gain); for batch-norm diag(γ/√(running variance + ε))."""

    def read() -> Tensor:
        gain = batch_norm_scale(module) if isinstance(module, BATCH_NORMS) else module.weight
        return gain.reshape(-1, 1, 1)

    weight = module.weight
    return WeightLayer(name, "gain", tuple(weight.shape), read, (weight,), module)


def folded_layer(layer: WeightLayer, batch_norm: Any) -> WeightLayer:
    """The layer with each output channel scaled by the batch-norm behind it."""

    def read() -> Tensor:
        blocks = layer.read()  # (g, out, in)
        scale = batch_norm_scale(batch_norm).reshape(blocks.shape[0], blocks.shape[1], 1)
        return blocks.to(scale.dtype) * scale

    return replace(layer, read=read, kind=f"{layer.kind}+batch_norm")


def _weight(module: nn.Module) -> Any:
    return getattr(module, "weight", None)
