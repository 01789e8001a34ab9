"""Weights & Biases offline runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from normlaws.curves import Curves
from normlaws.interop.export.runs import ExportedRun, exported
from normlaws.interop.extras import optional
from normlaws.interop.foreign import RECORD

FEATURE = "writing Weights & Biases runs"


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
        norm: the norm that is the x-axis; the usual default where omitted.

    Raises:
        MissingExtraError: wandb is not installed.
        InputError: the norm is not recorded, or a run has two records at one step.
    """
    wandb = optional("wandb", FEATURE)
    folder = Path(folder)
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
    return kept
