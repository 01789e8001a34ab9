"""``NormTracker``: a callback for PyTorch Lightning, of either package."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from normlaws.errors import MissingExtraError
from normlaws.gauges import Gauge
from normlaws.tracking.follower import Follower
from normlaws.tracking.tracker import Evaluate

_PACKAGES = {"lightning.pytorch": "lightning", "pytorch_lightning": "pytorch-lightning"}


def _chosen_package() -> str:
    """The one that the user has imported, or the one that is installed."""
    for name in sorted(_PACKAGES, key=lambda name: name not in sys.modules):
        try:
            import_module(name)
        except ModuleNotFoundError:
            continue
        return name
    raise MissingExtraError("NormTracker for Lightning", "lightning")


_package = _chosen_package()
_Callback: Any = import_module(_package).Callback


class NormTracker(_Callback):
    """Logs norms to the trainer's loggers, and writes the curve where the trainer validates.

    ::

        trainer = Trainer(callbacks=[NormTracker("runs/mine", size=5000, seed=0)])

    At log-spaced optimiser steps ``norm/log_<name>/global`` and ``norm/log_<name>/<layer>``
    (natural logarithms) go to every logger. Each validation adds a row to the curve, with what was
    logged as ``val_loss``, ``val_acc`` and the like. The validation before training is step 0 of
    the curve if it is a whole one: ``Trainer(num_sanity_val_steps=-1)``. With ``evaluate=`` the
    rows are those of the log-spaced steps, step 0 and the last among them.

    Args:
        out: study folder, shared by runs of several sizes and seeds.
        size: P, number of training examples.
        seed: of this run.
        settings: whatever else tells this run from others; part of its id, kept in its record.
        metrics: column of the curve -> logged name, or ``"1 - name"`` for an accuracy, where names
            are not the usual ones: ``{"test_error": "1 - valid/top1"}``.
        evaluate: called with the LightningModule, returns metrics.
        steps: optimiser steps to measure; log-spaced by default.
        growth: ratio of successive log-spaced steps.
        layers: log every layer too.
        norms: which of the data-free norms; all by default.
        conv: reading of convolutions, ``"flat"`` or ``"operator"``.
        example_input: one batch of inputs, for ``conv="operator"``.
        gauges: as for :class:`normlaws.Tracker`.
        if_complete: as for :class:`normlaws.Tracker`; with ``"skip"`` the training of a run that
            is complete stops at once, with nothing recorded.

    Raises:
        InputError: an argument is refused.
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
        conv: str = "flat",
        example_input: Any = None,
        gauges: Iterable[Gauge] = (),
        if_complete: str = "error",
    ) -> None:
        super().__init__()
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
            conv=conv,
            example_input=example_input,
            gauges=gauges,
            if_complete=if_complete,
            packages=(_PACKAGES[_package],),
        )

    def on_sanity_check_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin before the validation that precedes training."""
        self._follower.begin(pl_module, trainer.global_step)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin, and measure step 0."""
        self._follower.begin(pl_module, trainer.global_step)
        trainer.should_stop |= self._follower.done
        self._log(trainer, self._follower.at_step(trainer.global_step, _epoch(trainer)))

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Measure where the optimiser's step is due."""
        self._log(trainer, self._follower.at_step(trainer.global_step, _epoch(trainer)))

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Add a row to the curve."""
        partial = trainer.sanity_checking and not _whole_sanity_check(trainer)
        if not self._follower.begun or partial:
            return
        step, epoch = trainer.global_step, _epoch(trainer)
        logged = trainer.callback_metrics
        self._log(trainer, self._follower.at_evaluation(step, epoch, logged))

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Mark the run complete."""
        self._log(trainer, self._follower.end(trainer.global_step, _epoch(trainer)))

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Mark the run failed, or unfinished after Ctrl-C."""
        self._follower.fail(exception)

    def state_dict(self) -> dict[str, Any]:
        """Step and meter, for the trainer's checkpoints."""
        return self._follower.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the curve of the checkpoint."""
        self._follower.load_state_dict(state_dict)

    def _log(self, trainer: Any, scalars: dict[str, float]) -> None:
        if scalars:
            for logger in trainer.loggers:
                logger.log_metrics(scalars, step=trainer.global_step)


def _epoch(trainer: Any) -> float:
    """Passes over the training set after the optimiser steps done."""
    batches = trainer.num_training_batches
    if trainer.global_step == 0:
        return 0.0
    if not 0 < batches < math.inf:
        return math.nan
    optimisers = max(len(trainer.optimizers), 1)  # each of their steps counts as one
    return float(trainer.global_step * trainer.accumulate_grad_batches / batches / optimisers)


def _whole_sanity_check(trainer: Any) -> bool:
    return list(trainer.num_sanity_val_batches) == list(trainer.num_val_batches)
