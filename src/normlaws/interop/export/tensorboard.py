"""TensorBoard event files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from normlaws.curves import Curves
from normlaws.curves.files import check_run_name
from normlaws.interop.export.runs import AXIS, ExportedRun, exported
from normlaws.interop.extras import optional
from normlaws.interop.foreign import EXACT, RECORD
from normlaws.storage.folder import replace_file

FEATURE = "writing TensorBoard event files"
FILE = "events.out.tfevents.0.normlaws"

Event = Callable[..., Any]


def export_tensorboard(curves: Curves, folder: str | Path, *, norm: str | None = None) -> Path:
    """Write one folder of event files for every run; return ``folder``.

    Every recorded number stands against the training step: in single precision, all that
    TensorBoard's reader shows, and in double precision, for ``read_tensorboard``, under tags that
    no dashboard shows. Errors and losses stand once more under ``against_norm/<norm>/…`` with the
    norm as x-axis: TensorBoard's axis is its step, a whole number, so the step is
    ``round(1000 ln λ)``; and because its reader drops what comes before a step that falls back,
    only records with a norm higher than ever before are there. Size and seed are hyperparameters,
    so runs can be coloured by them.

    Args:
        curves: what was recorded.
        folder: log folder; files of an earlier export of the same runs are replaced.
        norm: the norm that is the x-axis; the usual one by default.

    Raises:
        MissingExtraError: TensorBoard is not installed.
        InputError: the norm is not recorded, a run has two records at one step, or its id cannot
            name a folder.
    """
    writer = optional("tensorboard.summary.writer.record_writer", FEATURE).RecordWriter
    runs = list(exported(curves, norm))
    for run in runs:
        check_run_name(run.name)
    for run in runs:

        def write(path: Path, run: ExportedRun = run) -> None:
            with path.open("wb") as stream:
                _write(stream, writer, run)

        replace_file(Path(folder) / run.name / FILE, write)
    return Path(folder)


def _write(stream: BinaryIO, writer: Any, run: ExportedRun) -> None:
    events = optional("tensorboard.compat.proto.event_pb2", FEATURE)
    summary = optional("tensorboard.compat.proto.summary_pb2", FEATURE)
    began = time.time()
    out = writer(stream)
    out.write(events.Event(wall_time=began, file_version="brain.Event:2").SerializeToString())
    for step, seconds, value in _values(run, summary.Summary.Value):
        event = events.Event(wall_time=began + seconds, step=step)
        event.summary.value.append(value)
        out.write(event.SerializeToString())


def _values(run: ExportedRun, value: Event) -> Iterator[tuple[int, float, Any]]:
    """(step, seconds, summary) of everything that a run's file holds."""
    yield 0, 0.0, _hyperparameters(run, value)
    yield 0, 0.0, _text(run, value)
    seconds = run.seconds
    for name in run.rows:
        for step, number in run.rows[name].items():
            yield int(step), float(seconds[step]), _scalar(value, str(name), number)
            yield int(step), float(seconds[step]), _exact(value, str(name), number)
    axis = run.axis
    for metric in run.metrics:
        for step, number in run.against_norm(metric):
            yield step, 0.0, _scalar(value, f"against_norm/{axis}/{metric}", number, AXIS)


def _scalar(value: Event, tag: str, number: float, description: str = "") -> Any:
    metadata = optional("tensorboard.plugins.scalar.metadata", FEATURE)
    tensors = optional("tensorboard.util.tensor_util", FEATURE)
    with np.errstate(over="ignore"):
        single = np.float32(number)
    return value(
        tag=tag,
        tensor=tensors.make_tensor_proto(single),
        metadata=metadata.create_summary_metadata(display_name="", description=description),
    )


def _exact(value: Event, tag: str, number: float) -> Any:
    summary = optional("tensorboard.compat.proto.summary_pb2", FEATURE)
    tensors = optional("tensorboard.util.tensor_util", FEATURE)
    plugin = summary.SummaryMetadata.PluginData(plugin_name="normlaws")
    return value(
        tag=f"{EXACT}{tag}",
        tensor=tensors.make_tensor_proto(np.float64(number)),
        metadata=summary.SummaryMetadata(plugin_data=plugin),
    )


def _text(run: ExportedRun, value: Event) -> Any:
    metadata = optional("tensorboard.plugins.text.metadata", FEATURE)
    tensors = optional("tensorboard.util.tensor_util", FEATURE)
    return value(
        tag=f"{RECORD}/text_summary",
        tensor=tensors.make_tensor_proto(run.record_json().encode()),
        metadata=metadata.create_summary_metadata(display_name="", description=AXIS),
    )


def _hyperparameters(run: ExportedRun, value: Event) -> Any:
    plugin = optional("tensorboard.plugins.hparams.plugin_data_pb2", FEATURE)
    metadata = optional("tensorboard.plugins.hparams.metadata", FEATURE)
    session = plugin.SessionStartInfo()
    for name in ("size", "seed"):
        if run.record[name] is not None:
            session.hparams[name].number_value = run.record[name]
    data = plugin.HParamsPluginData(session_start_info=session)
    return value(
        tag=metadata.SESSION_START_INFO_TAG,
        tensor=metadata.NULL_TENSOR,
        metadata=metadata.create_summary_metadata(data),
    )
