"""What to lower when a run does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from normlaws.errors import InputError
from normlaws.training.settings import RunSettings

CPU_ALLOCATOR = "can't allocate memory"  # PyTorch's only sign of it on the CPU


@contextmanager
def memory_explained(settings: RunSettings, device: str) -> Iterator[None]:
    """Turn running out of memory into advice; the settings stay as they are.

    Raises:
        InputError: memory ran out inside the block.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        starved = isinstance(error, MemoryError | torch.cuda.OutOfMemoryError)
        if not starved and CPU_ALLOCATOR not in str(error):
            raise
        raise InputError(
            f"expected the run to fit into the memory of {device}, but it ran out; lower "
            f"training.batch_size ({settings.training.batch_size}), the widths of the "
            f"{settings.model.family} or the number of workers; nothing was lowered by itself"
        ) from error
