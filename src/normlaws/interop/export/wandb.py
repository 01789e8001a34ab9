"""Weights & Biases offline runs."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

from normlaws.curves import Curves
from normlaws.errors import CorruptFileError, NormlawsWarning
from normlaws.interop import wandb_file
from normlaws.interop.export.runs import ExportedRun, exported
from normlaws.interop.extras import optional
from normlaws.interop.foreign import RECORD

FEATURE = "writing Weights & Biases runs"
PATIENCE = 60.0  # seconds


def export_wandb(
    curves: Curves,
    folder: str | Path,
    *,
    project: str = "normlaws",
    norm: str | None = None,
) -> list[Path]:
    """Write an offline run for every run of ``curves``; return the ``.wandb`` files.

    Nothing is sent: ``wandb sync`` uploads the folders when asked to. Every recorded number is
    logged, the training step as ``step``. The norm (its natural logarithm) is the ``step_metric``
    of all errors and losses, so their charts have it as x-axis as it is, without rounding; norms
    and the rest are drawn against ``step``. Size and seed are in the configuration.

    Args:
        curves: what was recorded.
        folder: where the folder ``wandb`` is made.
        project: name of the project.
        norm: the norm that is the x-axis; the usual one by default.

    Raises:
        MissingExtraError: wandb is not installed.
        InputError: the norm is not recorded, or a run has two records at one step.
    """
    wandb = optional("wandb", FEATURE)
    folder = Path(folder).absolute()  # wandb's own process may have started elsewhere
    runs = list(exported(curves, norm))
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(wandb, run, folder, project) for run in runs]


def _write(wandb: Any, run: ExportedRun, folder: Path, project: str) -> Path:
    config = {"size": run.record["size"], "seed": run.record["seed"], RECORD: run.record}
    settings = wandb.Settings(
        silent=True, console="off", disable_git=True, save_code=False, x_disable_stats=True
    )
    started = wandb.init(
        project=project, dir=str(folder), mode="offline", name=run.name, config=config,
        settings=settings, reinit="create_new",
    )  # fmt: skip
    started.define_metric("step")
    for name in run.rows:
        axis = run.norm if name in run.metrics and run.norm in run.rows else "step"
        started.define_metric(name, step_metric=axis)
    for step, row in run.rows.iterrows():
        started.log({"step": step, **row.to_dict()})
    kept = Path(started.settings.sync_file)
    started.finish(exit_code=1 if run.record["status"] in ("failed", "diverged") else 0)
    _wait_until_written(kept)
    return kept


def _wait_until_written(path: Path) -> None:
    """Wait for wandb's own process, which may write for some time after the run has finished."""
    last = time.monotonic() + PATIENCE
    while not _ends(path):
        if time.monotonic() > last:
            raise CorruptFileError(
                f"expected wandb to write {path}, but it is not whole after {PATIENCE:.0f} s"
            )
        time.sleep(0.02)


def _ends(path: Path) -> bool:
    """Whether the file holds the record that ends a run."""
    if not path.is_file() or path.stat().st_size <= wandb_file.HEADER:
        return False
    record = optional("wandb.proto.wandb_internal_pb2", FEATURE).Record
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NormlawsWarning)
        try:
            kinds = [
                record.FromString(data).WhichOneof("record_type")
                for data in wandb_file.records(path)
            ]
        except CorruptFileError:  # a block that is being written
            return False
    return "exit" in kinds
