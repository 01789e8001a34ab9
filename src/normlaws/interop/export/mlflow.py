"""MLflow runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from normlaws.curves import Curves
from normlaws.errors import InputError, StudyConflictError
from normlaws.interop.export.runs import AXIS, ExportedRun, exported
from normlaws.interop.extras import optional
from normlaws.interop.foreign import RECORD
from normlaws.interop.mlflow import check_answers
from normlaws.storage.reading import reason

FEATURE = "writing MLflow runs"
STATUS = {"complete": "FINISHED", "failed": "FAILED", "diverged": "FAILED", "unfinished": "KILLED"}
_METRICS_A_CALL = 1000
_PERMIT = "MLFLOW_ALLOW_FILE_STORE"  # without it recent versions refuse folders as stores


def export_mlflow(
    curves: Curves,
    target: str | Path,
    *,
    experiment: str = "normlaws",
    norm: str | None = None,
) -> str:
    """Log every run to an ``mlruns`` folder or a tracking server; return the tracking URI.

    Every recorded number is a metric against the training step. Errors and losses stand once more
    under ``against_norm/<norm>/…`` with the norm as x-axis: MLflow's axis is its step, a whole
    number, so the step is ``round(1000 ln λ)``, for records with a norm higher than ever before.
    Size and seed are parameters; the run's record is a tag.

    Args:
        curves: what was recorded.
        target: a folder, or a tracking URI such as ``http://localhost:5000``.
        experiment: name of the experiment, made where it is not there.
        norm: the norm that is the x-axis; the usual one by default.

    Raises:
        MissingExtraError: MLflow is not installed.
        StudyConflictError: the experiment holds a run of this name already.
        InputError: the norm is not recorded, a run has two records at one step, or MLflow refuses
            something, such as a server that is not there.
    """
    tracking = optional("mlflow.tracking", FEATURE)
    failure = optional("mlflow.exceptions", FEATURE).MlflowException
    runs = list(exported(curves, norm))
    uri = str(target) if "://" in str(target) else Path(target).absolute().as_uri()
    if not uri.startswith("sqlite"):
        check_answers(uri)
    with _folders_permitted(uri):
        try:
            client = tracking.MlflowClient(tracking_uri=uri)
            place = _experiment(client, experiment)
            _refuse_present(client, place, experiment, runs)
            for run in runs:
                _log(client, place, run)
        except (failure, ModuleNotFoundError, KeyError) as error:
            raise InputError(
                f"expected MLflow at {uri} to take the runs, but {reason(error)}"
            ) from None
    return uri


@contextmanager
def _folders_permitted(uri: str) -> Iterator[None]:
    before = os.environ.get(_PERMIT)
    try:
        if uri.startswith("file:"):
            os.environ[_PERMIT] = "true"
        yield
    finally:
        os.environ.pop(_PERMIT, None)
        if before is not None:
            os.environ[_PERMIT] = before


def _experiment(client: Any, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


def _refuse_present(client: Any, place: str, experiment: str, runs: list[ExportedRun]) -> None:
    page, present = None, set()
    while True:
        found = client.search_runs([place], max_results=1000, page_token=page)
        present |= {run.info.run_name for run in found}
        page = found.token
        if not page:
            break
    double = next((run.name for run in runs if run.name in present), None)
    if double is not None:
        raise StudyConflictError(
            f"expected an experiment without the run {double}, but {experiment!r} holds it; give "
            "another experiment, or delete that run"
        )


def _log(client: Any, place: str, run: ExportedRun) -> None:
    tags = {RECORD: run.record_json(), "normlaws.against_norm": AXIS}
    began = int(1000 * time.time())
    made = client.create_run(place, start_time=began, tags=tags, run_name=run.name).info.run_id
    for name in ("size", "seed"):
        client.log_param(made, name, run.record[name])
    entry = optional("mlflow.entities", FEATURE).Metric
    points = [entry(name, value, began + ms, step) for name, value, ms, step in _points(run)]
    for start in range(0, len(points), _METRICS_A_CALL):
        client.log_batch(made, metrics=points[start : start + _METRICS_A_CALL])
    client.set_terminated(made, STATUS[run.record["status"]])


def _points(run: ExportedRun) -> Iterator[tuple[str, float, int, int]]:
    """(name, value, milliseconds, step)."""
    milliseconds = (1000 * run.seconds).round().astype("int64")
    for name in run.rows:
        for step, value in run.rows[name].items():
            yield str(name), float(value), int(milliseconds[step]), int(step)
    axis = run.axis
    for metric in run.metrics:
        for step, value in run.against_norm(metric):
            yield f"against_norm/{axis}/{metric}", value, 0, step
