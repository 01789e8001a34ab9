"""The model beneath its wrappers, with full weights: what the norms are read from.

``torch.compile``, ``DistributedDataParallel`` and activation checkpointing put a wrapper around a
module; ``fully_shard`` (FSDP2) and tensor parallelism leave every process a shard of each weight.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from normlaws.norms.model.twin import twin_of, unwrapped, wrapped
from normlaws.tracking import processes


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
        elif any(wrapped(module) is not None for module in self._live.modules()):
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
        moved = {  # the rest of a sharded model joins its full weights in main memory
            id(buffer): buffer.cpu() for buffer in self._live.buffers() if whole
        }
        found: nn.Module = twin_of(self._live, {**whole, **moved})
        return found


def _is_fsdp(module: nn.Module) -> bool:
    return any(base.__name__ == "FSDPModule" for base in type(module).__mro__)


def _is_sharded(weight: object) -> bool:
    return hasattr(weight, "full_tensor")


def _empty_like(weight: Tensor) -> nn.Parameter:
    """A whole weight in main memory."""
    full = torch.empty(weight.shape, dtype=weight.dtype, device="cpu")
    return nn.Parameter(full, requires_grad=False)
