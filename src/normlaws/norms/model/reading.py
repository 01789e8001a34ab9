"""Reading a weight as the model would use it, without changing the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.spectral_norm import SpectralNorm

NORMALISATIONS = (
    nn.LayerNorm,
    nn.GroupNorm,
    nn.modules.batchnorm._NormBase,
    *((nn.RMSNorm,) if hasattr(nn, "RMSNorm") else ()),
)


def current(module: Any, attribute: str) -> Tensor:
    """The weight as the next forward pass in evaluation mode would use it.

    Parametrised weights are computed by their parametrisation; the older ``weight_norm``,
    ``spectral_norm`` and pruning keep a stale copy between forward passes, so their hook is asked.
    """
    return dense(_computed(module, attribute))


def dense(weight: Tensor) -> Tensor:
    """A weight that is stored sparsely, written out."""
    return weight if weight.layout == torch.strided else weight.to_dense()


def _computed(module: Any, attribute: str) -> Tensor:
    for hook in module._forward_pre_hooks.values():
        if getattr(hook, "name", getattr(hook, "_tensor_name", None)) == attribute:
            if isinstance(hook, SpectralNorm):
                found: Tensor = hook.compute_weight(module, do_power_iteration=False)
                return found
            if hasattr(hook, "compute_weight"):
                result: Tensor = hook.compute_weight(module)
                return result
            if hasattr(hook, "apply_mask"):
                result = hook.apply_mask(module)
                return result
    result = getattr(module, attribute)
    return result


def sources(module: Any, attribute: str) -> tuple[Tensor, ...]:
    """The parameters that the weight is computed from; itself where it is one."""
    if parametrize.is_parametrized(module, attribute):
        return tuple(module.parametrizations[attribute].parameters())
    if attribute in module._parameters:
        return (module._parameters[attribute],)
    stems = (f"{attribute}_orig", f"{attribute}_g", f"{attribute}_v")
    return tuple(module._parameters[name] for name in stems if name in module._parameters)


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, set by flag alone: ``train()`` may be overridden to do more."""
    training = [module for module in model.modules() if module.training]
    try:
        for module in training:
            module.training = False
        yield
    finally:
        for module in training:
            module.training = True


def is_normalisation(module: nn.Module) -> bool:
    """Layer, group, instance, batch and RMS norms, also those of other libraries by their name."""
    return isinstance(module, NORMALISATIONS) or type(module).__name__.endswith(
        ("LayerNorm", "LayerNorm2d", "RMSNorm", "GroupNorm")
    )


def owned_gains(module: nn.Module) -> tuple[Tensor, ...]:
    """Gain and bias of a normalisation layer, whatever their shape."""
    return tuple(module.parameters(recurse=False)) if is_normalisation(module) else ()


def batch_norm_scale(module: Any) -> Tensor:
    """The diagonal map of a batch-norm in evaluation mode, γ/√(running variance + ε), (C,)."""
    gain = module.weight
    if module.running_var is None:
        found: Tensor = gain
        return found
    scale = torch.rsqrt(module.running_var.double() + module.eps)
    return scale if gain is None else gain.double() * scale


@torch.no_grad()
def pushed_matrix(module: Any, inputs: int, like: Tensor) -> Tensor:
    """The matrix (out, in) of an affine module, from f(e_j) − f(0), in the dtype of ``like``."""
    unit = torch.eye(inputs, device=like.device, dtype=like.dtype)
    with evaluation_mode(module):
        found: Tensor = (module.forward(unit) - module.forward(torch.zeros_like(unit[:1]))).T
    return found
