"""How a model's weights and feature maps lie in memory while it trains."""

from __future__ import annotations

import torch
from torch import nn

from normlaws.problems.models.resnet import Projection

_SAFE_CHANNELS = 16  # of the input: one block of oneDNN's widest vectors
_FAST_CHANNELS = 8  # with fewer, contiguous is faster (benchmarks/layouts.py)


def memory_format(model: nn.Module, device: str) -> torch.memory_format:
    """Channels last, the faster order, where the processor's library has no fault in it.

    oneDNN writes past its workspace in the weight gradient of a strided 1 × 1 convolution with few
    input channels that lie last: a crash, or wrong gradients (uxlfoundation/oneDNN#6035). A
    :class:`~normlaws.problems.models.resnet.Projection` has no stride for it, and sets the limit
    only by speed.
    """
    narrow = torch.device(device).type == "cpu" and any(map(_narrow, model.modules()))
    return torch.contiguous_format if narrow else torch.channels_last


def _narrow(module: nn.Module) -> bool:
    needed = _FAST_CHANNELS if isinstance(module, Projection) else _SAFE_CHANNELS
    return (
        isinstance(module, nn.Conv2d)
        and max(module.kernel_size) == 1
        and max(module.stride) > 1
        and module.in_channels // module.groups < needed
    )
