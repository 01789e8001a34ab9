"""Train one run and record its curve."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from normlaws import provenance
from normlaws.curves import Curves
from normlaws.folder import RunFolder
from normlaws.norms import NormMeter
from normlaws.problems import DataSet, Splits, augmented, data_root, split
from normlaws.training.checkpoint import Row, load_checkpoint, save_checkpoint
from normlaws.training.evaluate import score
from normlaws.training.memory import memory_explained
from normlaws.training.precision import arithmetic
from normlaws.training.schedule import BatchOrder, log_spaced_steps, rate_factor, step_seed
from normlaws.training.settings import RunSettings

NOTICE_SECONDS = 0.5
NORMALISED_BYTES = 2**28  # a split up to this size is normalised once instead of batch by batch


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


def train(
    settings: RunSettings,
    folder: RunFolder | None = None,
    execution: Execution | None = None,
    data: DataSet | None = None,
) -> Curves:
    """Train one run from its settings, or finish one that was interrupted.

    Args:
        settings: what to train.
        folder: where record, curve and checkpoint are written; kept in memory only where omitted.
        execution: device, data folder, checkpoints.
        data: the data set, where the caller has it in memory already.

    Returns:
        The curve of one run. Its status is ``complete``; ``diverged`` where a loss became NaN or
        infinite (the last row then holds NaN); or ``unfinished`` where it was asked to stop.

    Raises:
        InputError: the settings do not fit the data, or the run does not fit into memory.
        DataNotFoundError: the data set is not there.
    """
    execution = execution or Execution()
    data = data or settings.data.load(data_root(execution.data_root))
    with torch.random.fork_rng(devices=[]), memory_explained(settings, execution.device):
        return _Run(settings, folder, execution, data).finish()


class _Run:
    """State of one run between its steps."""

    def __init__(
        self, settings: RunSettings, folder: RunFolder | None, execution: Execution, data: DataSet
    ) -> None:
        self.settings, self.folder, self.execution = settings, folder, execution
        self.splits = _splits(settings, data, execution.device)
        model = settings.model.build(data.image_shape, data.classes, settings.seed)
        self.model = model.to(torch.device(execution.device)).to(memory_format=torch.channels_last)
        training = settings.training
        self.forward = torch.compile(self.model) if training.compile else self.model
        self.arithmetic = arithmetic(training.precision, execution.device)
        self.parameters = list(self.model.parameters())
        self.optimizer = settings.optimizer.build(self.parameters)
        self.meter = NormMeter(self.model)
        self.order = BatchOrder(settings.size, training.batch_size, settings.seed)
        self.record_steps = set(log_spaced_steps(settings.steps, training.records))
        self.step, self.rows = 0, list[Row]()
        self.status = "unfinished"
        self._began = self._next_notice = self._next_checkpoint = time.monotonic()
        self._resume()

    def finish(self) -> Curves:
        """Step and record until the end, a divergence, or a request to stop."""
        self.model.train()
        self._loop()
        self._save()
        return self._curves()

    def _loop(self) -> None:
        if not self.rows:
            torch.manual_seed(self.settings.seed)
            self._record()
        while self.status == "unfinished":
            self._train_step()
            if self.step in self.record_steps:
                self._record()
            if self._interrupted():
                return

    def _train_step(self) -> None:
        inputs, labels = self._batch()
        if self.settings.model.stochastic:
            torch.manual_seed(step_seed(self.settings.seed, self.step))
        with self.arithmetic:
            loss = F.cross_entropy(self.forward(inputs), labels)
        for parameter in self.parameters:  # what zero_grad does, without its bookkeeping
            parameter.grad = None
        loss.backward()
        self._descend()
        self.step += 1

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Normalised inputs and labels of this step, augmented where the settings say so."""
        batch = self.order(self.step).to(self.execution.device)
        train, augment = self.splits.train, self.settings.data.augment
        images = train.images[batch]
        if augment:
            generator = torch.Generator().manual_seed(step_seed(self.settings.seed, self.step))
            images = augmented(images, augment, generator)
        return train.normalised(images), train.labels[batch]

    def _descend(self) -> None:
        """Clip the gradient, set the rate of this step, and take it."""
        chosen = self.settings.optimizer
        if chosen.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, chosen.clip_norm)
        factor = rate_factor(self.step, self.settings.steps, chosen.schedule, chosen.warmup_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = chosen.learning_rate * factor
        self.optimizer.step()

    def _record(self) -> None:
        scored = self.settings.data
        with self.arithmetic:
            train = score(self.model, self.splits.train.first(scored.scored_train))
            validation = score(self.model, self.splits.validation)
            test = score(self.model, self.splits.test.first(scored.scored_test))
        self.rows.append(
            {
                "step": self.step,
                "epoch": self.order.epochs(self.step),
                "train_error": train.error,
                "train_loss": train.loss,
                "val_error": validation.error,
                "val_loss": validation.loss,
                "test_error": test.error,
                "test_loss": test.loss,
                "seconds": self._seconds(),
                **self.meter.measure(),
            }
        )
        if train.loss != train.loss:
            self.status = "diverged"
        elif self.step == self.settings.steps:
            self.status = "complete"

    def _interrupted(self) -> bool:
        """Twice a second: tell how far the run is, keep a checkpoint, ask whether to stop."""
        now = time.monotonic()
        if now < self._next_notice or self.status != "unfinished":
            return False
        self._next_notice = now + NOTICE_SECONDS
        if self.folder and now >= self._next_checkpoint:
            self._save()
        elif self.folder:
            self.folder.write_record(self._run_record())
        return self.execution.stop()

    def _save(self) -> None:
        if self.folder is None:
            return
        if self.status == "unfinished":
            path = self.folder.checkpoint
            save_checkpoint(path, self.model, self.optimizer, self.meter, self.step, self.rows)
        self.folder.write_curve(self._frame().drop(columns="run"))
        self.folder.write_record(self._run_record())
        if self.status != "unfinished":
            self.folder.checkpoint.unlink(missing_ok=True)
        self._next_checkpoint = time.monotonic() + self.execution.checkpoint_seconds

    def _resume(self) -> None:
        self._next_checkpoint += self.execution.checkpoint_seconds
        if self.folder:
            path = self.folder.checkpoint
            self.step, self.rows = load_checkpoint(path, self.model, self.optimizer, self.meter)
        self._began -= self.rows[-1]["seconds"] if self.rows else 0.0

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _run_record(self) -> dict[str, Any]:
        return {
            "run": self.settings.run_id,
            "size": self.settings.size,
            "seed": self.settings.seed,
            "status": self.status,
            "step": self.step,
            "settings": self.settings.model_dump(mode="json"),
            "versions": provenance.versions(),
            "hardware": provenance.hardware(self.execution.device),
            "code": provenance.code(),
        }

    def _frame(self) -> pd.DataFrame:
        index = {name: getattr(self.settings, name) for name in ("size", "seed")}
        return pd.DataFrame(self.rows).assign(run=self.settings.run_id, **index)

    def _curves(self) -> Curves:
        return Curves(self._frame(), pd.DataFrame([self._run_record()]))


def _splits(settings: RunSettings, data: DataSet, device: str) -> Splits:
    found = split(
        data,
        size=settings.size,
        validation=settings.data.validation,
        seed=settings.seed,
        split_seed=settings.data.split_seed,
        device=device,
    )
    keep = {"validation", "test"} | (set() if settings.data.augment else {"train"})
    return replace(
        found, **{name: getattr(found, name).kept_normalised(NORMALISED_BYTES) for name in keep}
    )
