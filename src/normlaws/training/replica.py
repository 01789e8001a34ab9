"""State of one run between its steps, whether it trains alone or in a stack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from normlaws.curves import Curves
from normlaws.norms import NormMeter
from normlaws.problems import DataSet, augmented
from normlaws.storage import provenance
from normlaws.storage.folder import RunFolder
from normlaws.training.checkpoint import Row, load_checkpoint, save_checkpoint
from normlaws.training.evaluate import fitting_batch, score
from normlaws.training.execution import Execution
from normlaws.training.gauging import gauges_of
from normlaws.training.layout import memory_format
from normlaws.training.losses import check_loss
from normlaws.training.precision import arithmetic
from normlaws.training.schedule import BatchOrder, rate_factor, step_seed
from normlaws.training.scoring import scored_splits
from normlaws.training.settings import RunSettings

SHOWN = ("test_error", "log_spectral_complexity")
"""What the record of an unfinished run repeats of its last row, for those who watch."""


class Replica:
    """Model, optimiser, examples and rows of one run; goes on from its checkpoint if there is one.

    Attributes:
        scoring_batch: examples that are scored at a time.
        step: optimiser steps taken.
        rows: what was recorded so far.
        status: ``unfinished``, ``complete`` or ``diverged``.
        seconds: time that went into the run; in a stack, its share.
        companions: runs that are trained in the same program, itself included.
    """

    def __init__(
        self, settings: RunSettings, folder: RunFolder | None, execution: Execution, data: DataSet
    ) -> None:
        check_loss(settings.training.loss, data)
        self.settings, self.folder, self.device = settings, folder, execution.device
        self.train, self.scored = scored_splits(settings, data, self.device)
        model = settings.model.build(data.image_shape, data.classes, settings.seed)
        layout = memory_format(model, self.device)
        self.model = model.to(torch.device(self.device)).to(memory_format=layout)
        self.arithmetic = arithmetic(settings.training.precision, self.device)
        self.parameters = list(self.model.parameters())
        with self.arithmetic:
            self.scoring_batch = fitting_batch(self.model, self.train)
        self.optimizer = settings.optimizer.build(self.parameters)
        self.meter = NormMeter(self.model)
        self.gauges = gauges_of(settings, self.train, self.scored[2], self.optimizer, self._rate_of)
        self.order = BatchOrder(settings.size, settings.training.batch_size, settings.seed)
        self.step, self.rows, self.status = 0, list[Row](), "unfinished"
        self.companions = 1
        if folder:
            path = folder.checkpoint
            self.step, self.rows = load_checkpoint(
                path, self.model, self.optimizer, self.meter, self.gauges
            )
        self.seconds = self.rows[-1]["seconds"] if self.rows else 0.0

    @property
    def unfinished(self) -> bool:
        """Whether there are steps left to take."""
        return self.status == "unfinished"

    def hold(self, images: Tensor, labels: Tensor) -> None:
        """Keep the training examples there: equal tensors, which others may use too."""
        self.train = replace(self.train, images=images, labels=labels)
        _, validation, test = self.scored
        self.scored = (self.train.first(len(self.scored[0])), validation, test)

    def batch(self) -> tuple[Tensor, Tensor]:
        """Normalised inputs and labels of this step, augmented where the settings say so."""
        batch = self.order(self.step).to(self.device)
        images, augment = self.train.images[batch], self.settings.data.augment
        if augment:
            generator = torch.Generator().manual_seed(step_seed(self.settings.seed, self.step))
            images = augmented(images, augment, generator)
        return self.train.normalised(images), self.train.labels[batch]

    def descend(self) -> None:
        """Clip the gradient, set the rate of this step, and take it."""
        chosen = self.settings.optimizer
        if chosen.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, chosen.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        self.optimizer.step()

    @property
    def rate(self) -> float:
        """Learning rate of this step."""
        return self._rate_of(self.step)

    def _rate_of(self, step: int) -> float:
        chosen = self.settings.optimizer
        factor = rate_factor(step, self.settings.steps, chosen.schedule, chosen.warmup_steps)
        return chosen.learning_rate * factor

    def measured(self) -> Row:
        """Errors, losses, norms and gauges at this step."""
        with self.arithmetic:
            train, validation, test = (
                score(self.model, examples, self.scoring_batch, self.settings.training.loss)
                for examples in self.scored
            )
        return {
            "step": self.step,
            "epoch": self.order.epochs(self.step),
            "train_error": train.error,
            "train_loss": train.loss,
            "val_error": validation.error,
            "val_loss": validation.loss,
            "test_error": test.error,
            "test_loss": test.loss,
            "seconds": self.seconds,
            **self.meter.measure(),
            **self._gauged(),
        }

    def _gauged(self) -> Row:
        found: Row = {}
        for gauge in self.gauges.values():
            found |= gauge.measure(self.model, self.step)
        return found

    def take(self, row: Row) -> None:
        """Keep what was measured at this step, and see whether the run has ended with it."""
        self.rows.append(row | {"seconds": self.seconds})
        if row["train_loss"] != row["train_loss"]:
            self.status = "diverged"
        elif self.step == self.settings.steps:
            self.status = "complete"

    def save(self) -> None:
        """Write curve and record, and a checkpoint while the run is unfinished."""
        if self.folder is None:
            return
        if self.unfinished:
            path = self.folder.checkpoint
            state = (self.model, self.optimizer, self.meter, self.gauges)
            save_checkpoint(path, *state, self.step, self.rows)
        written = self.folder.write_curve(self._frame().drop(columns="run"))
        self.folder.write_record(self._record() | {"curve": written})
        if not self.unfinished:
            self.folder.checkpoint.unlink(missing_ok=True)

    def write_record(self) -> None:
        """Tell how far the run is."""
        if self.folder:
            self.folder.write_record(self._record())

    def curves(self) -> Curves:
        """The curve so far."""
        return Curves(self._frame(), pd.DataFrame([self._record()]))

    def _record(self) -> dict[str, Any]:
        hardware = provenance.hardware(self.device) | {"stacked": self.companions}
        names = ("train", "validation", "test")
        last = {"last": {name: self.rows[-1][name] for name in SHOWN}} if self.unfinished else {}
        return last | {
            "run": self.settings.run_id,
            "size": self.settings.size,
            "seed": self.settings.seed,
            "status": self.status,
            "step": self.step,
            "settings": self.settings.model_dump(mode="json"),
            "scored": {name: len(part) for name, part in zip(names, self.scored, strict=True)},
            "versions": provenance.versions(),
            "hardware": hardware,
            "code": provenance.code(),
        }

    def _frame(self) -> pd.DataFrame:
        index = {name: getattr(self.settings, name) for name in ("size", "seed")}
        return pd.DataFrame(self.rows).assign(run=self.settings.run_id, **index)
