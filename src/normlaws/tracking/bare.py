"""The model beneath its wrappers, with full weights: what the norms are read from.

``torch.compile``, ``DistributedDataParallel`` and activation checkpointing put a wrapper around a
module; ``fully_shard`` (FSDP2) and tensor parallelism leave every process a shard of each weight.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from normlaws.errors import InputError
from normlaws.tracking import processes

_WRAPPED = {
    "OptimizedModule": "_orig_mod",
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "CheckpointWrapper": "_checkpoint_wrapped_module",
}


class BareModel:
    """A model as its author wrote it.

    Attributes:
        module: what to measure. The user's own module where it is whole and has no wrapper inside;
            else a twin that shares its weights, and holds full copies in main memory of those
            that are sharded. ``None`` in a process that only takes part in gathering.

    Args:
        model: as the training uses it.

    Raises:
        InputError: the model is wrapped by the older ``FullyShardedDataParallel``.
    """

    def __init__(self, model: nn.Module) -> None:
        self._live = unwrapped(model)
        self._reshard()
        self._slots = [
            (module, name)
            for module in self._live.modules()
            for name, weight in module._parameters.items()
            if _is_sharded(weight)
        ]
        self._full: list[Tensor] = []
        self.module: nn.Module | None = self._live
        if self._slots:
            self.module = self._twin() if processes.is_main() else None
        elif any(_wrapped(module) is not None for module in self._live.modules()):
            self.module = self._twin()

    @property
    def sharded(self) -> bool:
        """Whether measuring needs all processes."""
        return bool(self._slots)

    @torch.no_grad()
    def gather(self) -> None:
        """Bring the full weights to the main process, one after another; all must call this."""
        if not self._slots:
            return
        self._reshard()
        for index, (module, name) in enumerate(self._slots):
            weight: Any = module._parameters[name]
            full = weight.full_tensor()
            if self._full:
                self._full[index].copy_(full)

    def _reshard(self) -> None:
        """Unsharded copies may be older than the last optimiser step; the shards never are."""
        for module in self._live.modules():
            if _is_fsdp(module):
                reshard: Any = module.reshard
                reshard()

    def _twin(self) -> nn.Module:
        sharded: list[Any] = [module._parameters[name] for module, name in self._slots]
        whole = {id(weight): _empty_like(weight) for weight in sharded}
        self._full = [whole[id(weight)].data for weight in sharded]
        return _twin_of(self._live, whole, {})


def unwrapped(model: nn.Module) -> nn.Module:
    """The module beneath the wrappers of the whole model."""
    inner = _wrapped(model)
    return model if inner is None else unwrapped(inner)


def _wrapped(module: nn.Module) -> nn.Module | None:
    for base in type(module).__mro__:
        if base.__name__ == "FullyShardedDataParallel":
            raise InputError(
                "expected full weights or fully_shard (FSDP2), got FullyShardedDataParallel, "
                "which flattens weights; shard with torch.distributed.fsdp.fully_shard"
            )
        attribute = _WRAPPED.get(base.__name__)
        if attribute is not None and base.__module__.startswith("torch."):
            inner: nn.Module = module.get_submodule(attribute)
            return inner
    return None


def _is_fsdp(module: nn.Module) -> bool:
    return any(base.__name__ == "FSDPModule" for base in type(module).__mro__)


def _is_sharded(weight: object) -> bool:
    return hasattr(weight, "full_tensor")


def _empty_like(weight: Tensor) -> nn.Parameter:
    """A whole weight in main memory."""
    full = torch.empty(weight.shape, dtype=weight.dtype, device="cpu")
    return nn.Parameter(full, requires_grad=False)


def _own_class(module: nn.Module) -> Any:
    """``fully_shard`` derives a class from FSDPModule and the module's own."""
    return next(
        cls
        for cls in type(module).__mro__
        if not any(base.__name__ == "FSDPModule" for base in cls.__mro__)
    )


def _twin_of(module: nn.Module, whole: dict[int, nn.Parameter], done: dict[int, nn.Module]) -> Any:
    """A module of the same class with the same attributes, children free of wrappers."""
    module = unwrapped(module)
    if id(module) in done:
        return done[id(module)]
    cls = _own_class(module)
    twin = cls.__new__(cls)
    done[id(module)] = twin
    twin.__dict__ = dict(module.__dict__)
    twin._parameters = {
        name: whole.get(id(weight), weight) for name, weight in module._parameters.items()
    }
    twin._modules = {
        name: None if child is None else _twin_of(child, whole, done)
        for name, child in module._modules.items()
    }
    if whole:  # the rest of a sharded model joins its full weights in main memory
        twin._buffers = {
            name: None if buffer is None else buffer.cpu()
            for name, buffer in module._buffers.items()
        }
    return twin
