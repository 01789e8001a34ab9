"""Quantised layers, measured as what they compute, or refused by name.

Never the packed numbers themselves: a norm of codes has nothing to do with that of the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from normlaws.errors import InputError
from normlaws.norms.model import descriptions
from normlaws.norms.model.layers import WeightLayer, handles_when
from normlaws.norms.model.reading import pushed_matrix

_PACKED = ("qweight", "weight_packed", "W_q", "weight_blocks", "qzeros", "_packed_params")
_LINEAR_SIDES = ("out_features", "in_features")


def is_quantised(module: Any) -> bool:
    """Whether the weight of a module is stored as something else than numbers to multiply by."""
    if not isinstance(module, nn.Module):
        return False
    if _is_torch_quantised(module):
        return True
    stored = {**module._parameters, **module._buffers}
    if any(name in stored for name in _PACKED) and not _is_float(stored.get("weight")):
        return True
    weight = stored.get("weight")
    return isinstance(weight, Tensor) and weight.ndim > 1 and _is_coded(weight)


@handles_when(is_quantised, whole=True, first=True)
def quantised(name: str, module: Any) -> Iterable[WeightLayer]:
    """The dequantised weight; in the kind of the layer that it stands for."""
    weight = dequantised(name, module)
    shape = tuple(weight.shape)
    if len(shape) > 2:
        described = descriptions.convolution(len(shape), getattr(module, "groups", 1))
    elif "embedding" in type(module).__name__.lower():
        described = descriptions.embedding()
    else:
        described = descriptions.linear(name.rpartition(".")[2], *shape)
    owned = (*module.parameters(), *module.buffers()) or (module,)
    return described.layers(name, shape, lambda: dequantised(name, module), owned, module)


@torch.no_grad()
def dequantised(name: str, module: Any) -> Tensor:
    """The weight that a quantised layer computes with.

    Raises:
        InputError: the form is unknown.
    """
    for read in _READERS:
        try:
            weight = read(module)
        except Exception:  # a reader of another form of the same library
            continue
        if weight is not None and weight.ndim > 1 and weight.is_floating_point():
            return weight.detach()
    stored = getattr(module, "weight", None)
    kind = f"{stored.dtype} weights" if isinstance(stored, Tensor) else "packed weights"
    raise InputError(
        f"expected weights that can be dequantised, but {name or 'a layer'} "
        f"({type(module).__name__}) holds {kind.removeprefix('torch.')} in a form that normlaws "
        "does not know; dequantise the model first"
    )


def _is_torch_quantised(module: Any) -> bool:
    own = type(module).__module__
    return own.startswith(("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized")) and (
        callable(getattr(module, "weight", None))
        or hasattr(module, "_packed_params")
        or hasattr(module, "_all_weight_values")
    )


def _is_coded(weight: Tensor) -> bool:
    """Integers, torch's own quantised types, or a tensor subclass that can dequantise."""
    if weight.is_quantized or _dequantises(weight):
        return True
    return not weight.is_floating_point() and not weight.is_complex()


def _is_float(weight: Any) -> bool:
    return isinstance(weight, Tensor) and weight.is_floating_point() and not _dequantises(weight)


def _dequantises(weight: Any) -> bool:
    plain = {*Tensor.__mro__, *nn.Parameter.__mro__}
    return any("dequantize" in vars(cls) for cls in type(weight).__mro__ if cls not in plain)


def _torch_modules(module: Any) -> Tensor | None:
    """``torch.ao.nn.quantized``: the weight is a method."""
    weight = module.weight
    return weight().dequantize() if callable(weight) else None


def _tensor(module: Any) -> Tensor | None:
    """torch's quantised dtypes, and the tensor subclasses of torchao."""
    weight = module.weight
    if isinstance(weight, Tensor) and (weight.is_quantized or _dequantises(weight)):
        found: Tensor = weight.dequantize()
        return found
    return None


def _bitsandbytes(module: Any) -> Tensor | None:
    """``Params4bit`` and ``Int8Params``."""
    weight: Any = module.weight
    kind = type(weight).__name__
    if kind == "Params4bit" and weight.quant_state is not None:
        library = import_module("bitsandbytes.functional")
        found: Tensor = library.dequantize_4bit(weight.data, weight.quant_state)
        return found
    if kind == "Int8Params":
        state = getattr(module, "state", None)
        codes = weight.CB if weight.CB is not None else getattr(state, "CB", None)
        scale = weight.SCB if weight.SCB is not None else getattr(state, "SCB", None)
        if codes is None:
            codes = weight.data
        if scale is not None:
            result: Tensor | None = codes.float() * scale.float()[:, None] / 127
            return result
    return None


def _own_method(module: Any) -> Tensor | None:
    """Layers that can dequantise themselves, as those of HQQ and GPTQ do."""
    for name in ("dequantize", "dequantize_weight"):
        method = getattr(module, name, None)
        if callable(method):
            weight: Tensor = method()
            sides = tuple(getattr(module, side, None) for side in _LINEAR_SIDES)
            return weight.T if tuple(weight.shape) == sides[::-1] != sides else weight
    return None


def _pushed(module: Any) -> Tensor | None:
    """A linear layer of somebody's own: what it does to unit vectors, if it is affine."""
    if not isinstance(module, nn.Linear) or type(module).forward is nn.Linear.forward:
        return None
    like = torch.empty(0, device=module.weight.device)
    matrix = pushed_matrix(module, module.in_features, like)
    return matrix if torch.isfinite(matrix).all() else None


_READERS: tuple[Callable[[Any], Tensor | None], ...] = (
    _torch_modules,
    _tensor,
    _bitsandbytes,
    _own_method,
    _pushed,
)
