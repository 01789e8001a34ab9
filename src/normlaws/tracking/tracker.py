"""``Tracker``: record a training loop of one's own."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd
from torch import nn

from normlaws.curves import METRICS, Curves
from normlaws.errors import InputError, StudyConflictError, allowed
from normlaws.folder import StudyFolder
from normlaws.norms import NormMeter


class Tracker:
    """Writes one run's curve while a loop of your own trains the model.

    ::

        with nl.Tracker(model, out="runs/mine", size=5000, seed=0) as track:
            for step, batch in enumerate(batches):
                if track.due(step):
                    track.record(step, test_error=evaluate(model))
                train_step(model, batch)

    Runs of several sizes and seeds, made by separate scripts or jobs, share ``out`` and are read
    together with ``nl.Curves.read("runs/mine")``. Every record is on disk when ``record`` returns.
    Leaving the ``with`` block (or :meth:`close`) marks the run complete; an exception marks it
    failed, Ctrl-C unfinished, and a metric that is not finite diverged.

    Args:
        model: the model whose norms are measured; its mode, gradients and buffers stay as they are.
        out: study folder.
        size: P, number of training examples.
        seed: of this run.
        settings: whatever else tells this run from others; part of its id, kept in its record.
        growth: ratio of successive recorded steps, for :meth:`due`.
        conv: reading of convolutions, ``"flat"`` or ``"operator"``.

    Raises:
        InputError: ``size`` is less than 1, or ``growth`` not above 1.
        StudyConflictError: this run is complete already.
    """

    def __init__(
        self,
        model: nn.Module,
        out: str | Path,
        *,
        size: int,
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
        growth: float = 1.25,
        conv: str = "flat",
    ) -> None:
        if size < 1:
            raise InputError(f"expected a size of at least 1 training example, got {size}")
        if not growth > 1:
            raise InputError(f"expected a growth of recorded steps above 1, got {growth}")
        self._record: dict[str, Any] = {
            "size": size,
            "seed": seed,
            "status": "unfinished",
            "settings": dict(settings or {}),
            "versions": {name: version(name) for name in ("torch", "numpy")},
        }
        self._record["run"] = _run_id(self._record)
        self.folder = StudyFolder(Path(out)).run(self._record["run"])
        if self.folder.read_record().get("status") == "complete":
            raise StudyConflictError(
                f"expected a run that is not complete, but {self.folder.root} is; give other "
                "settings, size or seed, another out, or delete that folder"
            )
        self._meter = NormMeter(model, conv=conv)
        self._growth = growth
        self._next = 0
        self._began = time.monotonic()
        self._rows: list[dict[str, float]] = []

    def due(self, step: int) -> bool:
        """Whether ``step`` is the next of the log-spaced steps: 0, 1, 2, … then by ``growth``."""
        return step >= self._next

    def record(self, step: int, *, epoch: float = math.nan, **metrics: float) -> None:
        """Measure the norms and write a row.

        Args:
            step: optimiser steps done so far; must grow from record to record.
            epoch: passes over the training set, where known.
            metrics: any of ``train_error``, ``test_error``, ``val_loss`` …: errors as fractions in
                [0, 1], losses in nats.

        Raises:
            InputError: no metric or an unknown one, an error outside [0, 1], or a step that does
                not grow.
        """
        unknown = [name for name in metrics if name not in METRICS]
        if unknown or not metrics:
            got = allowed(unknown) if unknown else "none"
            raise InputError(f"expected metrics among {allowed(METRICS)}, got {got}")
        if self._rows and step <= self._rows[-1]["step"]:
            last = self._rows[-1]["step"]
            raise InputError(f"expected a step above {last}, the last recorded, got {step}")
        seconds = time.monotonic() - self._began
        row = {"step": step, "epoch": epoch, **metrics, "seconds": seconds, **self._meter.measure()}
        index = {name: self._record[name] for name in ("run", "size", "seed")}
        frame = Curves(pd.DataFrame([*self._rows, row]).assign(**index)).frame
        self._rows.append(row)
        self._next = max(step + 1, math.ceil(step * self._growth))
        if not all(math.isfinite(value) for value in metrics.values()):
            self._record["status"] = "diverged"
        self.folder.write_curve(frame.drop(columns="run"))
        self.folder.write_record(self._record)

    def close(self, status: str = "complete", error: str = "") -> None:
        """Mark the end of the run; a diverged one stays diverged."""
        if self._record["status"] != "diverged":
            self._record |= {"status": status, "error": error}
        self.folder.write_record(self._record)

    def __enter__(self) -> Tracker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        elif isinstance(error, Exception):
            self.close("failed", f"{type(error).__name__}: {error}")
        else:
            self.close("unfinished")


def _run_id(record: Mapping[str, Any]) -> str:
    what = {name: record[name] for name in ("size", "seed", "settings")}
    try:
        text = json.dumps(what, sort_keys=True)
    except TypeError as error:
        raise InputError(f"expected settings of plain JSON values, but {error}") from None
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"P{record['size']}-s{record['seed']}-{digest}"
