"""The processes of one distributed training: which of them writes, and what all must know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch.distributed as dist

from normlaws.errors import NormlawsError

Value = TypeVar("Value")


def count() -> int:
    """Processes that train together; 1 where ``torch.distributed`` is not set up."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_main() -> bool:
    """Whether this process is the one that measures and writes: rank 0, or the only one."""
    return count() == 1 or dist.get_rank() == 0


def from_main(make: Callable[[], Value]) -> Value:
    """What ``make`` returns in the main process, in every process.

    Every process must call this. The value passes through memory of one job, not through a file.

    Raises:
        NormlawsError: in the other processes, where ``make`` raised in the main one.
    """
    if count() == 1:
        return make()
    made: Value | None = None
    failure: Exception | None = None
    if dist.get_rank() == 0:
        try:
            made = make()
        except Exception as error:  # the others must not wait for ever
            failure = error
    message: list[Any] = [made, failure and f"{type(failure).__name__}: {failure}"]
    dist.broadcast_object_list(message)
    if failure is not None:
        raise failure
    value, failed = message
    if failed is not None:
        raise NormlawsError(f"expected rank 0 to go on, but it said {failed}")
    found: Value = value
    return found
