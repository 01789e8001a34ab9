"""Pages of mapped files: given back to the system when a layer has been read."""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Callable
from functools import cache

import torch

from normlaws.norms.model.weight_layer import WeightLayer

_PAGE_OUT = 21  # MADV_PAGEOUT of <sys/mman.h>; pages are written first where they must be


def give_back(layer: WeightLayer) -> None:
    """Ask the system to drop the pages of a mapped file that a layer was read from.

    They are read again when they are needed: nothing is lost, here or with other systems, where
    nothing happens.
    """
    advise = _advise()
    for tensor in layer.sources:
        if advise is None or tensor.device.type != "cpu" or tensor.layout != torch.strided:
            continue
        first = -(-tensor.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
        length = tensor.data_ptr() + tensor.nbytes - first
        if length > 0:
            advise(ctypes.c_void_p(first), ctypes.c_size_t(length), _PAGE_OUT)


@cache
def _advise() -> Callable[..., int] | None:
    """The system's madvise; None where there is none."""
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), "madvise", None)
