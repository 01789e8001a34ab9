"""How a model's weights and feature maps lie in memory while it trains."""

from __future__ import annotations

import torch
from torch import nn

_SAFE_CHANNELS = 16  # of the input: one block of oneDNN's widest vectors


def memory_format(model: nn.Module, device: str) -> torch.memory_format:
    """Channels last, the faster order, where the processor's library has no fault in it.

    oneDNN writes past its workspace in the weight gradient of a strided 1 × 1 convolution with few
    input channels that lie last: a crash, or wrong gradients (uxlfoundation/oneDNN#6035).
    """
    faulty = torch.device(device).type == "cpu" and any(map(_faulty, model.modules()))
    return torch.contiguous_format if faulty else torch.channels_last


def _faulty(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and max(module.kernel_size) == 1
        and max(module.stride) > 1
        and module.in_channels // module.groups < _SAFE_CHANNELS
    )
