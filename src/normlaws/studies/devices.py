"""Which GPU a worker computes on."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from normlaws.errors import InputError, allowed

ALL_OF_THEM = "cuda"


@dataclass(frozen=True)
class Place:
    """Where a worker process is, and the GPUs that it sees.

    Attributes:
        host: name of its machine.
        visible: its ``CUDA_VISIBLE_DEVICES``; workers that differ in it were given GPUs already.
        count: GPUs that PyTorch sees there.
    """

    host: str
    visible: str | None
    count: int

    @classmethod
    def here(cls) -> Place:
        """This process."""
        import torch

        return cls(
            socket.gethostname(), os.environ.get("CUDA_VISIBLE_DEVICES"), torch.cuda.device_count()
        )


class Devices:
    """GPUs dealt out to workers, one each, where ``device`` is ``"cuda"``; else all have the same.

    Among workers of one machine that see the same GPUs, each takes the one that fewest others have;
    a worker that is gone gives its own back.

    Args:
        device: as the user gave it: ``"cuda"`` means all GPUs, ``"cuda:1"`` that one.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._taken: dict[str, tuple[Place, int]] = {}

    def assign(self, worker: str, place: Place) -> str:
        """The device of ``worker``; asked again, the same."""
        if self._device != ALL_OF_THEM or place.count == 0:
            return self._device
        if worker not in self._taken:
            used = [index for other, index in self._taken.values() if other == place]
            self._taken[worker] = (place, min(range(place.count), key=used.count))
        return f"{ALL_OF_THEM}:{self._taken[worker][1]}"

    def release(self, worker: str) -> None:
        """Free the GPU of a worker that is gone."""
        self._taken.pop(worker, None)


def check_device(device: str) -> None:
    """Say at once that a device is not there, rather than once per run.

    Raises:
        InputError: PyTorch knows no such device, or this machine has none.
    """
    import torch

    try:
        asked = torch.device(device)
    except RuntimeError:
        raise InputError(f"expected a device ({_devices()}), got {device!r}") from None
    count = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }.get(asked.type)
    if count is None and asked.type not in ("meta", "lazy"):  # another accelerator: PyTorch knows
        return
    if not count or (asked.index or 0) >= count:
        raise InputError(f"expected a device of this machine ({_devices()}), got {device!r}")


def _devices() -> str:
    import torch

    found = ["cpu"]
    if torch.cuda.is_available():
        found += ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        found.append("mps")
    return allowed(found)


def default_processes(device: str) -> int | None:
    """Worker processes of this machine for a device: one a GPU; ``None`` leaves it to the cores."""
    if device == "cpu":
        return None
    return max(1, Place.here().count) if device == ALL_OF_THEM else 1
