"""``NormTracker``: a callback for Keras 3 on its torch backend."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from normlaws.errors import InputError, MissingExtraError
from normlaws.gauges import Gauge
from normlaws.tracking.follower import Follower
from normlaws.tracking.tracker import Evaluate

try:
    import keras
except ModuleNotFoundError:
    raise MissingExtraError("NormTracker for Keras", "keras") from None


class NormTracker(keras.callbacks.Callback):
    """Puts norms into the logs of Keras, and writes the curve where ``fit`` validates.

    ::

        model.fit(x, y, validation_data=…, callbacks=[NormTracker("runs/mine", size=len(x))])

    At log-spaced optimiser steps and after each epoch ``norm/log_<name>/global`` and
    ``norm/log_<name>/<layer>`` (natural logarithms) are added to ``logs``, and so reach the history
    and every callback that stands behind this one. Each validation adds a row to the curve, with
    ``val_loss`` and ``val_accuracy``. With ``evaluate=`` the rows are those of the log-spaced
    steps, step 0 and the last among them.

    Args:
        out: study folder, shared by runs of several sizes and seeds.
        size: P, number of training examples.
        seed: of this run.
        settings: whatever else tells this run from others; part of its id, kept in its record.
        metrics: column of the curve -> logged name, or ``"1 - name"`` for an accuracy:
            ``{"test_error": "1 - val_accuracy"}``.
        evaluate: called with the model, returns metrics.
        steps: optimiser steps to measure; log-spaced by default.
        growth: ratio of successive log-spaced steps.
        layers: log every layer too; False keeps the progress bar short.
        norms: which of the data-free norms; all by default.
        gauges: as for :class:`normlaws.Tracker`.
        if_complete: as for :class:`normlaws.Tracker`; with ``"skip"`` the training of a run that
            is complete stops after its first step, with nothing recorded.

    Raises:
        InputError: Keras has another backend than torch, an argument is refused, or nothing a
            validation logged is understood.
        StudyConflictError: this run is complete already, or another live process records it.
    """

    def __init__(
        self,
        out: str | Path,
        *,
        size: int,
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
        metrics: Mapping[str, str] | None = None,
        evaluate: Evaluate | None = None,
        steps: Iterable[int] | None = None,
        growth: float = 1.25,
        layers: bool = True,
        norms: Iterable[str] | None = None,
        gauges: Iterable[Gauge] = (),
        if_complete: str = "error",
    ) -> None:
        super().__init__()
        if keras.backend.backend() != "torch":
            raise InputError(
                f"expected Keras on its torch backend, got {keras.backend.backend()!r}; set "
                "KERAS_BACKEND=torch before keras is imported"
            )
        self._follower = Follower(
            out,
            size=size,
            seed=seed,
            settings=settings,
            metrics=metrics,
            evaluate=evaluate,
            steps=steps,
            growth=growth,
            layers=layers,
            norms=norms,
            gauges=gauges,
            if_complete=if_complete,
            packages=("keras",),
        )
        self._scalars: dict[str, float] = {}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin, and measure step 0."""
        self._follower.begin(self.model, self._steps())
        self.model.stop_training |= self._follower.done
        self._scalars = self._follower.at_step(self._steps(), self._epochs())

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure where the optimiser's step is due."""
        found = self._follower.at_step(self._steps(), self._epochs())
        self._add(logs, found)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Add a row to the curve where the epoch ended with a validation."""
        found = {}
        if any(name.startswith("val_") for name in logs or {}):
            found = self._follower.at_evaluation(self._steps(), epoch + 1, logs or {})
        self._add(logs, found or self._scalars)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Mark the run complete."""
        self._follower.end(self._steps(), self._epochs())

    def _add(self, logs: dict[str, Any] | None, found: dict[str, float]) -> None:
        self._scalars = found or self._scalars
        if logs is not None and found:
            logs.update(found)

    def _steps(self) -> int:
        return int(self.model.optimizer.iterations)

    def _epochs(self) -> float:
        batches = (self.params or {}).get("steps")
        return self._steps() / batches if batches else math.nan
