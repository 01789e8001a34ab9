"""Where a run is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Execution:
    """Where a run is done; nothing here changes its curve beyond the arithmetic of the device.

    Attributes:
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"`` …
        data_root: folder of downloaded data sets; default as ``problems.data_root``.
        checkpoint_seconds: time between checkpoints of a run that has a folder.
        stop: asked about twice a second; when true the run writes a checkpoint and returns.
    """

    device: str = "cpu"
    data_root: Path | None = None
    checkpoint_seconds: float = 30.0
    stop: Callable[[], bool] = field(default=lambda: False)
