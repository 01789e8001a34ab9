"""TensorBoard event files as ``Curves``."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from normlaws.curves import Curves
from normlaws.errors import CorruptFileError, DataNotFoundError, NormlawsWarning
from normlaws.interop.columns import ColumnMap, as_column_map
from normlaws.interop.extras import optional
from normlaws.interop.foreign import (
    BESIDE,
    EXACT,
    RECORD,
    ForeignRun,
    curves_of,
    record_from,
    series_of,
)
from normlaws.interop.identity import Identity
from normlaws.storage.reading import MAX_TEXT, check_plain, reads

FEATURE = "reading TensorBoard event files"
_HEAD, _CHECK = 12, 4  # bytes of a record before and after its data
_SESSION = "_hparams_/session_start_info"

Series = dict[str, list[tuple[int, float]]]


@reads("TensorBoard event files")
def read_tensorboard(
    path: str | Path,
    columns: ColumnMap | Mapping[str, str] | None = None,
    identity: Identity | None = None,
) -> Curves:
    """Read every run below a folder: each folder with event files is one, named by its path.

    Scalars are taken by their usual tags or by ``columns``; sizes and seeds come from
    hyperparameters (the HParams plugin), scalars that never change, or the folder's name. A run
    without a norm or a metric, such as the subfolder that ``add_hparams`` makes, lends its
    hyperparameters to the run around it.

    Args:
        path: a log folder, or one event file.
        columns: what the tags are.
        identity: how to find size and seed.

    Where a folder holds several files, a training was resumed: the later file counts from its first
    step on (or from its ``purge_step``), and what the earlier wrote there is dropped.

    Raises:
        MissingExtraError: TensorBoard is not installed.
        DataNotFoundError: there is no event file.
        CorruptFileError: a file is damaged; the message names it.
        InputError: no known tag, or sizes and seeds cannot be found.

    Warns:
        NormlawsWarning: a file ends within a record, as that of a killed run does; what came
            before is read.
    """
    path = Path(path)
    found = [path] if path.is_file() else sorted(path.rglob("*tfevents*"))
    files = [file for file in found if file.is_file()]
    if not files:
        raise DataNotFoundError(
            f"expected TensorBoard event files (…tfevents…) below {path}, but found none"
        )
    folders: dict[Path, list[Path]] = {}
    for file in files:
        folders.setdefault(file.parent, []).append(file)
    named = as_column_map(columns)
    root = path.parent if path.is_file() else path
    runs = _lend({folder: _run(folder, found, root) for folder, found in folders.items()}, named)
    return curves_of(runs, named, identity or Identity(), path)


def _run(folder: Path, files: list[Path], root: Path) -> ForeignRun:
    series: Series = {}
    params: dict[str, Any] = {}
    record = None
    for file in files:
        found: Series = {}
        for event in _events(file):
            if event.session_log.status == event.session_log.START:
                _purge(series, event.step)  # as TensorBoard does it, where purge_step was given
            for value in event.summary.value:
                if value.tag == _SESSION:
                    params |= _hyperparameters(value, file)
                elif value.tag.startswith(RECORD):
                    record = record_from(b"".join(value.tensor.string_val), file)
                elif (number := _scalar(value)) is not None:
                    found.setdefault(value.tag, []).append((event.step, number))
        _continue(series, found)
    exact = {
        tag.removeprefix(EXACT): series.pop(tag) for tag in list(series) if tag.startswith(EXACT)
    }
    series |= exact
    name = str(folder.relative_to(root)) if folder != root else folder.resolve().name
    return ForeignRun(
        name,
        "",
        str(folder),
        {tag: series_of(pairs) for tag, pairs in series.items()},
        params,
        record=record,
    )


def _purge(series: Series, step: int) -> None:
    """Drop what an earlier session wrote at ``step`` and later; a fresh session begins at 0."""
    if step > 0:
        for tag, pairs in series.items():
            series[tag] = [pair for pair in pairs if pair[0] < step]


def _continue(series: Series, later: Series) -> None:
    """A training that was resumed makes void what the crashed one wrote from there on."""
    for tag, pairs in later.items():
        begins = min(step for step, _ in pairs)
        before = [pair for pair in series.get(tag, []) if pair[0] < begins]
        series[tag] = before + pairs


def _lend(runs: dict[Path, ForeignRun], columns: ColumnMap) -> list[ForeignRun]:
    """The runs that recorded something, with hyperparameters of empty runs below them."""
    useful = {folder: run for folder, run in runs.items() if set(columns.find(run.series)) - BESIDE}
    for folder, run in runs.items():
        around = next((parent for parent in folder.parents if parent in useful), None)
        if folder not in useful and around is not None:
            params = {**run.params, **useful[around].params}
            useful[around] = replace(useful[around], params=params)
    return list((useful or runs).values())


def _events(file: Path) -> Iterator[Any]:
    """The events of one file.

    Raises:
        CorruptFileError: a record is damaged.
    """
    protocol = optional("tensorboard.compat.proto.event_pb2", FEATURE)
    message = optional("google.protobuf.message", FEATURE)
    for data in _records(file):
        try:
            yield protocol.Event.FromString(data)
        except message.DecodeError:
            raise CorruptFileError(
                f"expected a TensorBoard event file at {file}, but a record is no event"
            ) from None


def _records(file: Path) -> Iterator[bytes]:
    """Records of the TFRecord framing: length, its checksum, data, its checksum."""
    size = check_plain(file, "a TensorBoard event file")
    with file.open("rb") as stream:
        while head := stream.read(_HEAD):
            length = int.from_bytes(head[:8], "little")
            if len(head) == _HEAD:
                _check(file, head[:8], head[8:])
            if length > MAX_TEXT:
                raise CorruptFileError(
                    f"expected a TensorBoard event file at {file}, but a record has "
                    f"{length:,} bytes; at most {MAX_TEXT:,} are read"
                )
            if len(head) < _HEAD or length + _CHECK > size - stream.tell():
                _say_cut(file)
                return
            yield _data(file, stream, length)


def _data(file: Path, stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    _check(file, data, stream.read(_CHECK))
    return data


def _check(file: Path, data: bytes, expected: bytes) -> None:
    checks = optional("tensorboard.compat.tensorflow_stub.pywrap_tensorflow", FEATURE)
    if checks.masked_crc32c(data) != int.from_bytes(expected, "little"):
        raise CorruptFileError(
            f"expected a TensorBoard event file at {file}, but a checksum does not fit"
        )


def _say_cut(file: Path) -> None:
    warnings.warn(
        f"{file} ends within a record, as the file of a killed run does; what came before is read",
        NormlawsWarning,
        stacklevel=7,
    )


def _scalar(value: Any) -> float | None:
    """The number in a summary; ``None`` for texts, images, histograms."""
    if value.HasField("simple_value"):
        return float(value.simple_value)
    if not value.HasField("tensor"):
        return None
    if math.prod(side.size for side in value.tensor.tensor_shape.dim) != 1:
        return None  # of the shape that is stated alone: one number may be stored for all
    types = optional("tensorboard.compat.proto.types_pb2", FEATURE)
    if value.tensor.dtype not in (types.DT_FLOAT, types.DT_DOUBLE):
        return None
    try:
        array = optional("tensorboard.util.tensor_util", FEATURE).make_ndarray(value.tensor)
    except Exception:  # a shape that its values do not fill
        return None
    return float(array.item()) if array.size == 1 else None


def _hyperparameters(value: Any, file: Path) -> dict[str, Any]:
    plugin = optional("tensorboard.plugins.hparams.plugin_data_pb2", FEATURE)
    message = optional("google.protobuf.message", FEATURE)
    try:
        data = plugin.HParamsPluginData.FromString(value.metadata.plugin_data.content)
    except message.DecodeError:
        raise CorruptFileError(
            f"expected hyperparameters in {file}, but they are damaged"
        ) from None
    found = data.session_start_info.hparams
    return {name: _plain(found[name]) for name in found}


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    return getattr(value, kind) if kind in ("number_value", "string_value", "bool_value") else None
