"""``Tracker``: record a training loop of your own."""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import nn

from normlaws.curves import ERRORS, METRICS, Curves, Metric
from normlaws.curves.metrics import DECLARED, as_record, check_name, with_gaps
from normlaws.errors import InputError, allowed
from normlaws.gauges import Gauge
from normlaws.norms.model.reading import evaluation_mode
from normlaws.storage import provenance
from normlaws.tracking import processes
from normlaws.tracking.measured_model import MeasuredModel
from normlaws.tracking.run_files import RunFiles, is_complete
from normlaws.tracking.schedule import Schedule

Evaluate = Callable[[Any], Mapping[str, float]]
Expect = Callable[[Curves], object]
IF_COMPLETE = ("error", "skip", "replace")


class Tracker:
    """Writes one run's curve while a loop of your own trains the model.

    >>> import normlaws as nl, torch
    >>> model = torch.nn.Linear(4, 2)
    >>> with nl.Tracker(model, "runs/mine", size=5000, seed=0) as track:
    ...     track.record(0, test_error=0.5)
    >>> nl.Curves.read("runs/mine").sizes
    [5000]

    ::

        with nl.Tracker(model, "runs/mine", size=5000, seed=0, evaluate=evaluate) as track:
            for batch in batches:
                train_step(model, batch)
                track.step()

    ``evaluate(model)`` is called when a record is due and returns a dictionary of metrics. A loop
    that has them at hand asks for itself, before the optimiser's step::

        if track.due(step):
            track.record(step, test_error=error, test_loss=loss)

    Runs of several sizes and seeds, made by separate scripts or jobs, share ``out`` and are read
    together with ``nl.Curves.read("runs/mine")``. Every record is on disk when ``record`` returns.
    Leaving the ``with`` block (or :meth:`close`) marks the run complete; an exception marks it
    failed, Ctrl-C unfinished, and a metric that is not finite diverged.

    A script that was killed and is started again continues its curve. Rows recorded at or after
    the step at which it goes on are dropped; :meth:`state_dict` in the checkpoint tells that step
    and keeps the meter warm, else it is the first step that the tracker is told.

    Norms are read from the bare model, whatever ``torch.compile`` and ``DistributedDataParallel``
    put around it, and from full weights where ``fully_shard`` split them: every process makes a
    tracker and calls it at the same steps, rank 0 measures and writes. Make it after the process
    group, the wrapping and the sharding.

    Args:
        model: the model whose norms are measured; its mode, gradients and buffers stay as they are.
        out: study folder.
        size: P, number of training examples.
        seed: of this run.
        settings: whatever else tells this run from others; part of its id, kept in its record.
        evaluate: called with ``model`` in evaluation mode without gradients, by every process;
            the random numbers of the training are put back afterwards.
        steps: optimiser steps to record; log-spaced by default. 0 is one of them.
        growth: ratio of successive log-spaced steps.
        norms: which of the data-free norms to record; all by default.
        conv: reading of convolutions, ``"flat"`` or ``"operator"``.
        example_input: one batch of inputs, for ``conv="operator"``.
        gauges: further quantities to record, from :mod:`normlaws.gauges`; new ones for every run.
        metrics: metrics of one's own, by name: ``{"success_rate": nl.curves.Metric(unit="fraction",
            better="higher", best=1)}``. They are recorded beside the errors and losses, and fitted
            as ``success_rate_gap``, the distance from the best value.
        packages: further installed packages whose versions belong into the record.
        expect: called with the curves of this run after every record, and what it answers is
            printed in a line: ``expect=nl.collapse(ladder, along="step").finish`` says what the
            run is expected to end at, and how far that is from the size law. As long as it raises
            ``InputError`` (the curve is too short), nothing is printed.
        if_complete: what to do where this run is complete already: ``"error"`` refuses it,
            ``"skip"`` keeps it, with :attr:`done` true and nothing recorded, ``"replace"`` deletes
            what was recorded and begins anew. With ``"skip"`` a script can be run again, with more
            sizes or seeds.

    Attributes:
        expected: the last answer of ``expect``; None before the first.
        done: whether the run was complete already and is kept; the loop can then be left out.
        steps_done: optimiser steps done, as far as the tracker was told.

    Raises:
        InputError: ``size`` is less than 1, or an argument is refused.
        StudyConflictError: this run is complete already and ``if_complete`` is ``"error"``, or
            another live process records it.
    """

    def __init__(
        self,
        model: nn.Module,
        out: str | Path,
        *,
        size: int,
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
        evaluate: Evaluate | None = None,
        steps: Iterable[int] | None = None,
        growth: float = 1.25,
        norms: Iterable[str] | None = None,
        conv: str = "flat",
        example_input: Any = None,
        gauges: Iterable[Gauge] = (),
        metrics: Mapping[str, Metric] | None = None,
        packages: Iterable[str] = (),
        expect: Expect | None = None,
        if_complete: str = "error",
    ) -> None:
        if if_complete not in IF_COMPLETE:
            raise InputError(f"expected if_complete {allowed(IF_COMPLETE)}, got {if_complete!r}")
        size, seed = whole_number("size", size), whole_number("seed", seed)
        if size < 1:
            raise InputError(f"expected a size of at least 1 training example, got {size}")
        self._schedule = Schedule(steps, growth)
        self._model = model
        self._evaluate = evaluate
        self._expect = expect
        self.expected: object = None
        self._own = dict(metrics or {})
        for name in self._own:
            check_name(name)
        self._measured = MeasuredModel(model, norms, conv, example_input, tuple(gauges))
        record = {
            "size": size,
            "seed": seed,
            "settings": dict(settings or {}),
            "conventions": self._measured.conventions,
            **({DECLARED: as_record(self._own)} if self._own else {}),
            **_made_by(model, tuple(packages)),
        }
        self._files: RunFiles | None = None
        self.done: bool
        self._steps: list[int]
        self.done, self._steps = processes.from_main(
            lambda: self._open(Path(out), record, if_complete)
        )
        self.steps_done = 0
        self._taken_up = not self._steps
        self._began = time.monotonic()

    @property
    def last_recorded(self) -> int:
        """The last recorded step, also of an earlier process; −1 where there is none."""
        return self._steps[-1] if self._steps else -1

    def due(self, step: int) -> bool:
        """Whether ``step`` is the next of the steps to record."""
        if self.done:
            return False
        self._take_up(step - 1)
        return self._schedule.due(step)

    def step(self, *, epoch: float = math.nan) -> bool:
        """Count one optimiser step, and record where that is due.

        Call it after the optimiser's step: once for each, however many batches were accumulated.

        Returns:
            Whether a row was written.

        Raises:
            InputError: the tracker was made without ``evaluate``.
        """
        if self._evaluate is None:
            raise InputError(
                "expected a Tracker with evaluate=, which step() calls when a record is due; "
                "without it use due(step) and record(step, test_error=…)"
            )
        if self.done:
            return False
        self._take_up(self.steps_done)
        if not self._steps:
            raise InputError(
                "expected the record of step 0 before the first step; enter the tracker with "
                "`with`, or call record(0)"
            )
        self.steps_done += 1
        if not self._schedule.due(self.steps_done):
            return False
        self.record(self.steps_done, epoch=epoch)
        return True

    def record(self, step: int, *, epoch: float = math.nan, **metrics: float) -> None:
        """Measure norms and gauges, and write a row.

        Args:
            step: optimiser steps done so far; must grow from record to record.
            epoch: passes over the training set, where known.
            metrics: any of ``train_error``, ``test_error``, ``val_loss`` …: errors as fractions in
                [0, 1], losses in nats; and metrics of one's own that the tracker was told of. By
                default, ``evaluate`` is called.

        Raises:
            InputError: no metric or an unknown one, an error outside [0, 1], or a step that is no
                whole number or does not grow.
            StudyConflictError: the tracker was closed, or a later one of this run has taken over.
        """
        if self.done:
            return
        step = whole_number("step", step)
        self._take_up(step - 1)
        if step <= self.last_recorded:
            raise InputError(
                f"expected a step above {self.last_recorded}, the last recorded, got {step}"
            )
        found = metrics or self._evaluated()
        values = {} if self._files is None else _checked(found, self._own)
        norms = self.measure(step)
        if self._files is not None:
            finite = all(math.isfinite(value) for value in values.values())
            row = {"step": step, "epoch": epoch, **values, "seconds": self._seconds()}
            self._files.append(row | norms, diverged=not finite)
            if self._expect is not None and finite:
                self._say_expected(self._expect, step)
        self._steps.append(step)
        self._schedule.passed(step)
        self.steps_done = step

    def _say_expected(self, expect: Expect, step: int) -> None:
        assert self._files is not None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that the curve is short
                self.expected = expect(Curves.read(self._files.folder.root))
        except InputError:  # too early to say
            return
        print(f"step {step}: {self.expected}", flush=True)

    def measure(self, step: int | None = None) -> dict[str, float]:
        """Measure norms and gauges now, and write nothing.

        Args:
            step: optimiser steps done; by default those that the tracker was told of.

        Returns:
            Natural logarithms, keyed ``log_<name>``; empty in processes other than rank 0.
        """
        return self._measured.measure(self.steps_done if step is None else step)

    def scalars(self) -> dict[str, float]:
        """The last measurement, for a logger.

        Returns:
            ``norm/log_<name>/global`` and ``norm/log_<name>/<layer>``, the same norm of that layer
            alone (so spectral complexity gives ‖Aᵀ‖_{2,1}, the spectral product ‖A‖_σ): natural
            logarithms. Empty before the first measurement and in processes other than rank 0.
        """
        return self._measured.scalars()

    def state_dict(self) -> dict[str, Any]:
        """Step, meter and gauges, numbers and tensors alone, for the training's checkpoint."""
        return {"step": self.steps_done, **self._measured.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the step of a checkpoint; later rows of the earlier process are dropped.

        Raises:
            InputError: the tracker has recorded already, or the state is of another model.
        """
        if self._taken_up and self._steps:
            raise InputError(
                "expected load_state_dict before the first record, got it after step "
                f"{self.last_recorded}"
            )
        self._measured.load_state_dict(state)
        self.resume(state["step"])

    def resume(self, step: int) -> None:
        """Go on from ``step``: what an earlier process recorded after it is dropped."""
        self._take_up(step)
        self.steps_done = step

    def close(self, status: str = "complete", error: str = "") -> None:
        """Mark the end of the run; a diverged one stays diverged.

        A complete run ends with a record of its last step where ``evaluate`` was given.
        """
        if self.done:
            return
        unseen = self._taken_up and self._steps and self.steps_done > self.last_recorded
        if status == "complete" and self._evaluate is not None and unseen:
            self.record(self.steps_done)
        if self._files is not None:
            self._files.close(status, error)

    def __enter__(self) -> Tracker:
        if self._evaluate is not None and not self._steps and not self.done:
            try:
                self.record(self.steps_done)
            except BaseException as error:
                self.__exit__(type(error), error, None)
                raise
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

    def _open(
        self, out: Path, record: Mapping[str, Any], if_complete: str
    ) -> tuple[bool, list[int]]:
        """Whether the run is complete and kept; else the steps recorded so far."""
        if if_complete == "skip" and is_complete(out, record):
            return True, []
        self._files = RunFiles(out, record, replace=if_complete == "replace")
        return False, [int(row["step"]) for row in self._files.rows]

    def _take_up(self, step: int) -> None:
        """Once: keep what an earlier process recorded until ``step``, and go on from there."""
        if self._taken_up:
            return
        self._taken_up = True
        self._steps = [recorded for recorded in self._steps if recorded <= step]
        if self._steps:
            self._schedule.passed(self._steps[-1])
        if self._files is not None:
            self._files.keep_until(step)
            rows = self._files.rows
            self._began -= rows[-1]["seconds"] if rows else 0.0

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _evaluated(self) -> Mapping[str, float]:
        if self._evaluate is None:
            return {}
        devices = {p.device for p in self._model.parameters() if p.device.type == "cuda"}
        with (
            torch.random.fork_rng(devices=sorted(devices, key=str)),
            torch.no_grad(),
            evaluation_mode(self._model),
        ):
            found = self._evaluate(self._model)
        if not isinstance(found, Mapping):
            raise InputError(
                "expected evaluate to return a dictionary such as {'test_error': 0.1}, got a "
                f"{type(found).__name__}"
            )
        return found


def _checked(found: Mapping[str, float], own: Mapping[str, Metric]) -> dict[str, float]:
    unknown = [name for name in found if name not in METRICS and name not in own]
    if unknown or not found:
        got = allowed(unknown) if unknown else "none"
        known = allowed([*METRICS, *own])
        raise InputError(
            f"expected metrics among {known}, got {got}"
            + ("; others are declared with Tracker(metrics={name: Metric(…)})" if unknown else "")
        )
    values = {name: float(value) for name, value in found.items()}
    for name in ERRORS:
        if name in values and math.isfinite(values[name]):
            values[name] = _fraction(name, values[name])
    return with_gaps(values, own)


_ROUNDING = 1e-4  # of a mean over many examples in half or single precision


def _fraction(name: str, error: float) -> float:
    """An error in [0, 1]; what is outside by rounding alone is taken as 0 or 1."""
    if -_ROUNDING <= error <= 1 + _ROUNDING:
        return min(max(error, 0.0), 1.0)
    advice = "divide percentages by 100" if 1 < error <= 100 else "an accuracy a gives 1 - a"
    raise InputError(f"expected {name} as a fraction in [0, 1], got {error:.6g}; {advice}")


def whole_number(name: str, value: Any) -> int:
    """``value`` as an integer.

    Raises:
        InputError: it is none.
    """
    try:
        whole = int(value)
        same = bool(whole == value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"expected {name} as a whole number, got {value!r}") from None
    if not same:
        raise InputError(f"expected {name} as a whole number, got {value!r}")
    return whole


def _made_by(model: nn.Module, packages: tuple[str, ...]) -> dict[str, Any]:
    device = next((str(parameter.device) for parameter in model.parameters()), "cpu")
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    return {
        "versions": provenance.versions(*packages),
        "hardware": provenance.hardware(device) | {"processes": processes.count()},
        "code": provenance.code(script) if script else {},
    }
