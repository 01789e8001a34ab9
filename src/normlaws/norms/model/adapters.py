"""Adapters (LoRA and its kin), measured as what base and adapter compute together.

Layers of the PEFT library are merged in a copy of one layer at a time, whatever their kind; other
adapters around a linear layer or an embedding have unit vectors pushed through them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from normlaws.errors import InputError
from normlaws.norms.model import descriptions
from normlaws.norms.model.layers import WeightLayer, handles_when, known_layers
from normlaws.norms.model.quantised import dequantised, is_quantised
from normlaws.norms.model.reading import evaluation_mode, pushed_matrix

_HELD = ("base_layer", "linear", "base", "original", "wrapped", "orig_module")
_MARKS = ("lora", "ia3", "oft", "hada", "lokr", "vera", "adapter")


def is_peft_layer(module: Any) -> bool:
    """A layer of the PEFT library that adapts another."""
    return _has_base(module, "BaseTunerLayer")


@handles_when(is_peft_layer, whole=True, first=True)
def peft_layer(name: str, module: Any) -> Iterable[WeightLayer]:
    """The layers of the base, each with the active adapters merged in."""
    held, _ = known_layers(module.get_base_layer(), name)
    extra = tuple(
        parameter
        for path, parameter in module.named_parameters()
        if not path.startswith("base_layer.")
    )
    for layer in held:
        yield replace(
            layer,
            kind=f"{layer.kind}.adapter" if extra else layer.kind,
            read=_merged_reader(name, module, layer.name),
            sources=layer.sources + extra,
            module=module,
        )


def _merged_reader(name: str, module: Any, part: str) -> Any:
    @torch.no_grad()
    def read() -> Tensor:
        layers, _ = known_layers(_merged(name, module), name)
        found: Tensor = next(layer for layer in layers if layer.name == part).read()
        return found

    return read


def _merged(name: str, module: Any) -> nn.Module:
    """The base layer as the module uses it now; the module itself is left alone."""
    base: nn.Module = module.get_base_layer()
    if module.merged or module.disable_adapters or not module.active_adapters:
        return base
    try:
        if is_quantised(base):
            return _with_deltas(module, base)
        copied = copy.deepcopy(module)
        copied.merge()
    except Exception as error:  # whatever an adapter raises that cannot be merged
        raise InputError(
            f"expected an adapter that can be merged, but {name} ({type(module).__name__}) cannot: "
            f"{type(error).__name__}: {error}"
        ) from None
    merged: nn.Module = copied.get_base_layer()
    return merged


def _with_deltas(module: Any, base: Any) -> nn.Module:
    """A linear layer of the dequantised base and the adapters' differences, not rounded again."""
    weight = dequantised("", base)
    for adapter in module.active_adapters:
        weight = weight + module.get_delta_weight(adapter).to(weight.dtype)
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    layer.weight = nn.Parameter(weight, requires_grad=False)
    return layer


def is_kept_whole(module: Any) -> bool:
    """PEFT's wrapper around a module that is trained or replaced as a whole."""
    return _has_base(module, "AuxiliaryTrainingWrapper")


@handles_when(is_kept_whole, whole=True, first=True)
def kept_whole(name: str, module: Any) -> Iterable[WeightLayer]:
    """The copy that is used now: of the active adapter, or the original."""
    used = module.original_module
    if not module.disable_adapters:
        if hasattr(module, "token_adapter"):
            used = module.token_adapter
        for adapter in module.active_adapters:
            if adapter in getattr(module, "modules_to_save", {}):
                used = module.modules_to_save[adapter]
    yield from known_layers(used, name)[0]


def is_own_adapter(module: Any) -> bool:
    """An adapter around, or on top of, a linear layer or an embedding."""
    if not isinstance(module, nn.Module) or is_peft_layer(module):
        return False
    held = module if isinstance(module, nn.Linear | nn.Embedding) else _base(module)
    names = {*module._parameters, *module._modules}
    around = held is not module and isinstance(getattr(module, "base_layer", None), nn.Module)
    marked = any(mark in name.lower() for name in names for mark in _MARKS)
    return held is not None and (marked or around)


@handles_when(is_own_adapter, whole=True, first=True)
def own_adapter(name: str, module: Any) -> Iterable[WeightLayer]:
    """One layer: frozen weight plus adapter, with its scaling, merged or not."""
    base = module if isinstance(module, nn.Linear | nn.Embedding) else _base(module)
    owned = tuple(module.parameters())
    if isinstance(base, nn.Embedding):
        table = descriptions.Description("embedding.adapter", descriptions.transposed)
        shape = tuple(base.weight.shape)
        return table.layers(name, shape, lambda: _looked_up(module, base), owned, module)
    rows, columns = base.weight.shape if isinstance(base, nn.Linear) else base.weight.shape[::-1]
    described = descriptions.linear(name.rpartition(".")[2], rows, columns)
    if not described.parts:
        described = replace(described, kind="linear.adapter")
    return described.layers(
        name, (rows, columns), lambda: pushed_matrix(module, columns, base.weight), owned, module
    )


@torch.no_grad()
def _looked_up(module: Any, base: Any) -> Tensor:
    with evaluation_mode(module):
        found: Tensor = module(torch.arange(base.num_embeddings, device=base.weight.device))
    return found


def _base(module: Any) -> Any:
    """The linear layer or embedding that a wrapper holds; None where there is none."""
    held = [module._modules.get(name) for name in _HELD]
    found = next((one for one in held if one is not None), None)
    conv1d = type(found).__name__ == "Conv1D" and hasattr(found, "nf")
    return found if isinstance(found, nn.Linear | nn.Embedding) or conv1d else None


def _has_base(module: Any, name: str) -> bool:
    return any(
        cls.__name__ == name and cls.__module__.startswith("peft.") for cls in type(module).__mro__
    )
