"""``NormTrackerCallback``: a callback for the Trainer of Hugging Face transformers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from normlaws.errors import MissingExtraError
from normlaws.gauges import Gauge
from normlaws.tracking.follower import Follower
from normlaws.tracking.tracker import Evaluate

try:
    from transformers import TrainerCallback
except ModuleNotFoundError:
    raise MissingExtraError("NormTrackerCallback for Hugging Face", "hf") from None


class NormTrackerCallback(TrainerCallback):
    """Logs norms through ``trainer.log``, and writes the curve where the trainer evaluates.

    ::

        trainer = Trainer(model, args, …)
        trainer.add_callback(NormTrackerCallback(trainer, "runs/mine", size=5000, seed=0))

    At log-spaced optimiser steps ``norm/log_<name>/global`` and ``norm/log_<name>/<layer>``
    (natural logarithms) go wherever ``report_to`` sends the loss. Each evaluation adds a row to
    the curve, with ``eval_loss`` and, where ``compute_metrics`` gives one, ``eval_accuracy``.

    Args:
        trainer: the trainer that the callback is added to.
        out: study folder, shared by runs of several sizes and seeds.
        size: P, number of training examples.
        seed: of this run.
        settings: whatever else tells this run from others; part of its id, kept in its record.
        metrics: column of the curve -> logged name, or ``"1 - name"`` for an accuracy:
            ``{"test_error": "1 - eval_accuracy"}``.
        evaluate: ``"trainer"`` asks the trainer to evaluate at the log-spaced steps as well, step
            0 and the last among them; a function is called with the model and returns metrics.
        steps: optimiser steps to measure; log-spaced by default.
        growth: ratio of successive log-spaced steps.
        layers: log every layer too.
        norms: which of the data-free norms; all by default.
        conv: reading of convolutions, ``"flat"`` or ``"operator"``.
        example_input: one batch of inputs, for ``conv="operator"``.
        gauges: as for :class:`normlaws.Tracker`.
        if_complete: as for :class:`normlaws.Tracker`; with ``"skip"`` the training of a run that
            is complete stops after its first step, with nothing recorded.

    Raises:
        InputError: an argument is refused.
        StudyConflictError: this run is complete already, or another live process records it.
    """

    def __init__(
        self,
        trainer: Any,
        out: str | Path,
        *,
        size: int,
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
        metrics: Mapping[str, str] | None = None,
        evaluate: Evaluate | Literal["trainer"] | None = None,
        steps: Iterable[int] | None = None,
        growth: float = 1.25,
        layers: bool = True,
        norms: Iterable[str] | None = None,
        conv: str = "flat",
        example_input: Any = None,
        gauges: Iterable[Gauge] = (),
        if_complete: str = "error",
    ) -> None:
        self._trainer = trainer
        self._asks = evaluate == "trainer"
        self._follower = Follower(
            out,
            size=size,
            seed=seed,
            settings=settings,
            metrics=metrics,
            evaluate=None if evaluate == "trainer" else evaluate,
            steps=steps,
            growth=growth,
            layers=layers,
            norms=norms,
            conv=conv,
            example_input=example_input,
            gauges=gauges,
            if_complete=if_complete,
            packages=("transformers",),
        )

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin, and measure step 0."""
        self._follower.begin(kwargs["model"], state.global_step)
        control.should_training_stop |= self._follower.done
        if not self._asks:
            self._log(self._follower.at_step(state.global_step, _epoch(state)))
        elif self._follower.due(state.global_step):
            args.eval_on_start = True

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure, or ask for an evaluation, where the optimiser's step is due."""
        if not self._asks:
            self._log(self._follower.at_step(state.global_step, _epoch(state)))
        elif self._follower.due(state.global_step) or state.global_step == state.max_steps:
            control.should_evaluate = True

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Add a row to the curve."""
        if self._follower.begun:
            step, epoch = state.global_step, _epoch(state)
            self._log(self._follower.at_evaluation(step, epoch, kwargs["metrics"]))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Mark the run complete."""
        self._log(self._follower.end(state.global_step, _epoch(state)))

    def _log(self, scalars: dict[str, float]) -> None:
        if scalars:
            self._trainer.log(scalars)


def _epoch(state: Any) -> float:
    return math.nan if state.epoch is None else float(state.epoch)
