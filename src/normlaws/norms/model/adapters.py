"""LoRA-style adapters, measured as what they compute: unit vectors are pushed through them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from normlaws.norms.model.layers import WeightLayer, handles_when
from normlaws.norms.model.reading import evaluation_mode


def is_linear_adapter(module: Any) -> bool:
    """A module with ``lora_A`` and ``lora_B`` around, or on top of, a linear layer."""
    if not (hasattr(module, "lora_A") and hasattr(module, "lora_B")):
        return False
    return isinstance(module, nn.Linear) or isinstance(_base(module), nn.Linear)


@handles_when(is_linear_adapter, whole=True)
def adapter(name: str, module: Any) -> Iterable[WeightLayer]:
    """One layer: frozen weight plus active adapters, with their scaling, merged or not."""
    base = _base(module) or module
    shape = (base.out_features, base.in_features)

    def read() -> Tensor:
        return pushed_matrix(module, base.weight)[None]

    yield WeightLayer(name, "linear.adapter", shape, read, tuple(module.parameters()), module)


@torch.no_grad()
def pushed_matrix(module: Any, like: Tensor) -> Tensor:
    """The matrix (out, in) of an affine module, from f(e_j) − f(0)."""
    unit = torch.eye(like.shape[1], device=like.device, dtype=like.dtype)
    with evaluation_mode(module):
        return (module.forward(unit) - module.forward(torch.zeros_like(unit[:1]))).T


def _base(module: Any) -> Any:
    return getattr(module, "base_layer", None)
