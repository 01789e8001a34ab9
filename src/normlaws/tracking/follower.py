"""What the callbacks share: a tracker that is led by a framework's hooks."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from normlaws.errors import InputError, NormlawsWarning
from normlaws.gauges import Gauge
from normlaws.tracking.logged import LoggedNames
from normlaws.tracking.schedule import Schedule
from normlaws.tracking.tracker import Evaluate, Tracker


class Follower:
    """Measures norms at the due steps, and records where the framework evaluates.

    The methods return scalars for the framework's loggers: ``norm/log_<name>/global`` and
    ``norm/log_<name>/<layer>``; empty where nothing was measured.

    Args:
        out: study folder.
        size: P, number of training examples.
        seed: of this run.
        settings: whatever else tells this run from others.
        metrics: column of the curve -> logged name, or ``"1 - name"``; see :class:`LoggedNames`.
        evaluate: called with the model at the due steps, which then are the rows of the curve.
        steps: due steps; log-spaced by default.
        growth: ratio of successive log-spaced steps.
        layers: whether the scalars hold every layer, or the whole network alone.
        norms: which of the data-free norms; all by default.
        conv: reading of convolutions.
        example_input: one batch of inputs, for ``conv="operator"``.
        gauges: as for :class:`normlaws.Tracker`.
        packages: whose versions belong into the record.
        if_complete: as for :class:`normlaws.Tracker`.
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
        packages: Iterable[str] = (),
        if_complete: str = "error",
    ) -> None:
        self._logged = LoggedNames(metrics)
        self._evaluates = evaluate is not None
        self._schedule = Schedule(steps, growth)
        self._layers = layers
        self._state: Mapping[str, Any] = {}
        self._refused: set[str] = set()
        self._tracker: Tracker | None = None
        self._arguments: dict[str, Any] = {
            "out": out,
            "size": size,
            "seed": seed,
            "settings": settings,
            "evaluate": evaluate,
            "norms": norms if norms is None else tuple(norms),
            "conv": conv,
            "example_input": example_input,
            "gauges": tuple(gauges),
            "packages": tuple(packages),
            "if_complete": if_complete,
        }

    @property
    def begun(self) -> bool:
        """Whether a training is under way."""
        return self._tracker is not None

    @property
    def done(self) -> bool:
        """Whether the run was complete already and is kept: the training can stop at once."""
        return self._tracker is not None and self._tracker.done

    @property
    def tracker(self) -> Tracker:
        """The tracker of the training under way.

        Raises:
            InputError: there is none.
        """
        if self._tracker is None:
            raise InputError("expected a training under way, but none has begun")
        return self._tracker

    def begin(self, model: nn.Module, step: int) -> None:
        """Make the tracker, once; after wrapping, sharding and loading of weights.

        Args:
            model: what is trained.
            step: optimiser steps done, where a training is resumed.
        """
        if self._tracker is not None:
            return
        self._tracker = Tracker(model, **self._arguments)
        if self._state:
            self._tracker.load_state_dict(self._state)
        else:
            self._tracker.resume(step)
        if step > 0:
            self._schedule.passed(step)

    def due(self, step: int) -> bool:
        """Whether ``step`` is due; true once."""
        due = not self.done and self._schedule.due(step)
        if due:
            self._schedule.passed(step)
        return due

    def at_step(self, step: int, epoch: float) -> dict[str, float]:
        """After an optimiser step, or before the first: measure or record where that is due."""
        if not self.due(step):
            return {}
        if self._evaluates:
            return self._record(step, epoch, {})
        self.tracker.measure(step)
        return self._scalars()

    def at_evaluation(self, step: int, epoch: float, logged: Mapping[str, Any]) -> dict[str, float]:
        """After an evaluation by the framework: a row of the curve, unless ``evaluate`` gives them.

        A training is never ended by what it logs: nothing is recorded where nothing is understood,
        or where errors are no fractions, and a warning says so.
        """
        if self.done or self._evaluates or step <= self.tracker.last_recorded:
            return {}
        metrics = self._logged.read(logged)
        if not metrics:
            return {}
        try:
            return self._record(step, epoch, metrics)
        except InputError as error:
            if str(error) not in self._refused:
                self._refused.add(str(error))
                warnings.warn(f"step {step} is not recorded: {error}", NormlawsWarning, 5)
            return {}

    def end(self, step: int, epoch: float) -> dict[str, float]:
        """After the training: the last step is recorded where the callback can evaluate."""
        scalars = self._record(step, epoch, {}) if self._evaluates else {}
        if not self.done:
            self._logged.finish()
        self.tracker.close()
        self._tracker = None
        return scalars

    def fail(self, error: BaseException) -> None:
        """After an exception: the run is failed, or unfinished where the user stopped it."""
        if self._tracker is not None:
            self._tracker.__exit__(type(error), error, None)
            self._tracker = None

    def state_dict(self) -> dict[str, Any]:
        """For the framework's checkpoint."""
        return {} if self._tracker is None else self._tracker.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """From the framework's checkpoint, before the training begins."""
        self._state = state

    def _record(self, step: int, epoch: float, metrics: dict[str, float]) -> dict[str, float]:
        if step <= self.tracker.last_recorded:
            return {}
        self.tracker.record(step, epoch=epoch, **metrics)
        return self._scalars()

    def _scalars(self) -> dict[str, float]:
        return {
            name: value
            for name, value in self.tracker.scalars().items()
            if self._layers or name.endswith("/global")
        }
