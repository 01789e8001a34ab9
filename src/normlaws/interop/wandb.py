"""Weights & Biases runs as ``Curves``: offline runs, and histories as they are exported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from normlaws.curves import Curves
from normlaws.errors import CorruptFileError, DataNotFoundError, InputError, allowed
from normlaws.interop import wandb_chart, wandb_file
from normlaws.interop.columns import ColumnMap, as_column_map
from normlaws.interop.extras import optional
from normlaws.interop.foreign import RECORD, ForeignRun, checked_record, curves_of, series_of
from normlaws.interop.identity import SEED_KEYS, SIZE_KEYS, Identity
from normlaws.interop.tabular import READERS, read_frame
from normlaws.storage.reading import json_object, json_value, reads

FEATURE = "reading Weights & Biases offline runs"
STEP_KEYS = (
    "trainer/global_step", "train/global_step", "global_step", "step", "_step", "Step",
)  # fmt: skip
LARGEST_STEP = 2**53  # beyond it a float64 cannot count
NAME_KEYS = ("run", "run_name", "Name", "name")


@reads("Weights & Biases runs")
def read_wandb(
    path: str | Path,
    columns: ColumnMap | Mapping[str, str] | None = None,
    identity: Identity | None = None,
    *,
    configs: str | Path | None = None,
) -> Curves:
    """Read offline runs, or histories exported as CSV, Parquet or JSON lines.

    Accepted are: a ``.wandb`` file or any folder with some below it (``wandb/offline-run-…``); one
    history, as ``run.history()`` or ``run.scan_history()`` give it, or a folder with one for each
    run, named by the file, or by a column ``run`` or ``Name``; and the CSV of a chart, whose
    columns are called ``<run> - <metric>``. A history's configuration is read from
    ``<name>.config.json`` or ``<name>.json`` beside it.

    Steps are the column mapped to ``step``, or the first of ``trainer/global_step``,
    ``train/global_step``, ``global_step``, ``step`` and ``_step``. Rows of one step are joined.

    Args:
        path: file or folder.
        columns: what the metrics are.
        identity: how to find size and seed: in the configuration, in columns that never change, or
            in the run's name.
        configs: a JSON file ``{run name: configuration}``, or the CSV of the runs table, which has
            a column ``Name``.

    Raises:
        MissingExtraError: there are ``.wandb`` files, and wandb is not installed.
        DataNotFoundError: nothing of this is there.
        CorruptFileError: a file is damaged; the message names it.
        InputError: no known metric, no steps, or sizes and seeds cannot be found.

    Warns:
        NormlawsWarning: a ``.wandb`` file ends within a record, as that of a killed run does.
    """
    path = Path(path)
    named, identity = as_column_map(columns), identity or Identity()
    step_key = named.columns.get("step")
    metrics = ColumnMap(
        {ours: theirs for ours, theirs in named.columns.items() if ours != "step"},
        named.percent,
    )
    offline = [path] if path.suffix == ".wandb" else _files(path)
    if offline:
        runs = [_offline(file, step_key) for file in offline]
    else:
        runs = list(_exported(path, step_key, _configs(configs)))
    return curves_of(runs, metrics, identity, path)


def _offline(path: Path, step_key: str | None) -> ForeignRun:
    if not path.is_file():
        raise DataNotFoundError(f"expected a Weights & Biases run at {path}, but there is none")
    protocol = optional("wandb.proto.wandb_internal_pb2", FEATURE)
    message = optional("google.protobuf.message", FEATURE)
    name, key, status = path.stem, path.stem, "unfinished"
    config: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    for data in wandb_file.records(path):
        try:
            record = protocol.Record.FromString(data)
        except message.DecodeError:
            raise CorruptFileError(
                f"expected a Weights & Biases run at {path}, but a record is damaged"
            ) from None
        match record.WhichOneof("record_type"):
            case "run":
                name, key = record.run.display_name or name, record.run.run_id or key
                config |= _items(record.run.config.update, path)
            case "config":
                config |= _items(record.config.update, path)
            case "history":
                row = _items(record.history.item, path)
                history.append({name: one for name, one in row.items() if np.isscalar(one)})
            case "exit":
                status = "failed" if record.exit.exit_code else "complete"
    config.pop("_wandb", None)
    exported = checked_record(config[RECORD], path) if RECORD in config else None
    series = _logged(history, step_key, path)
    return ForeignRun(name, key, str(path), series, config, status, exported)


def _items(items: Iterable[Any], path: Path) -> dict[str, Any]:
    found = {}
    for item in items:
        name = ".".join(item.nested_key) or item.key
        found[name] = json_value(item.value_json, "JSON values", path)
    return found


def _logged(
    history: list[dict[str, Any]], step_key: str | None, path: Path
) -> dict[str, pd.Series]:
    """The numbers of every key, NaN among them, by step."""
    if not history:
        return {}
    names = sorted({name for row in history for name in row})
    column = _step_column(names, step_key, path)
    pairs: dict[str, list[tuple[int, float]]] = {}
    for row in history:
        step = _number(row.get(column))
        if step is None or not step.is_integer() or abs(step) >= LARGEST_STEP:
            continue
        for name, value in row.items():
            if name != column and (number := _number(value)) is not None:
                pairs.setdefault(name, []).append((int(step), number))
    return {name: series_of(found) for name, found in pairs.items()}


def _number(value: Any) -> float | None:
    """A number, also one spelt ``"NaN"`` or ``"Infinity"``; ``None`` for text and media."""
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _exported(
    path: Path, step_key: str | None, configs: Mapping[str, Mapping[str, Any]]
) -> Iterator[ForeignRun]:
    files = [path] if path.is_file() else _tables(path)
    if not files:
        raise DataNotFoundError(
            f"expected Weights & Biases runs at {path}, but found none; accepted are .wandb files, "
            f"and histories ending {allowed(READERS)}"
        )
    frames = {file: read_frame(file) for file in files}
    charts = {file: frame for file, frame in frames.items() if wandb_chart.is_chart(frame)}
    for name, rows in wandb_chart.runs(charts):
        yield ForeignRun(name, "", str(path), rows, configs.get(name, {}))
    for file, frame in frames.items():
        if file in charts:
            continue
        beside = _config_beside(file)
        for name, rows in _split(frame, file.stem):
            config = configs.get(name, beside)
            yield ForeignRun(name, file.stem, str(file), _by_step(rows, step_key, file), config)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*.wandb") if file.is_file())


def _tables(folder: Path) -> list[Path]:
    found = (file for ending in READERS for file in folder.glob(f"*{ending}"))
    return sorted(file for file in found if file.is_file())


def _split(frame: pd.DataFrame, name: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """The runs of one history, told apart by a column of names where there is one."""
    column = next((one for one in NAME_KEYS if one in frame), None)
    if column is None:
        yield from _split_by_identity(frame, name)
        return
    for found, rows in frame.groupby(frame[column].astype(str), sort=False):
        yield str(found), rows.drop(columns=column)


def _split_by_identity(frame: pd.DataFrame, name: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Runs of a table without names, told apart by columns of size and seed."""
    keys = [one for one in (*SIZE_KEYS, *SEED_KEYS) if one in frame and frame[one].nunique() > 1]
    if not keys:
        yield name, frame
        return
    for found, rows in frame.groupby(keys, sort=False):
        words = "-".join(f"{key}{value}" for key, value in zip(keys, found, strict=True))
        yield f"{name}-{words}", rows


def _config_beside(file: Path) -> dict[str, Any]:
    for name in (f"{file.stem}.config.json", f"{file.stem}.json"):
        if file.with_name(name).is_file():
            return json_object(file.with_name(name))
    return {}


def _configs(path: str | Path | None) -> dict[str, Mapping[str, Any]]:
    """{run name: configuration} of a JSON file or of the CSV of a runs table."""
    if path is None:
        return {}
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError(f"expected configurations at {path}, but there is no such file")
    if path.suffix == ".csv":
        table = read_frame(path, ("Name",))
        return {
            str(row["Name"]): {k: v for k, v in row.items() if k != "Name" and not _absent(v)}
            for row in table.to_dict("records")
        }
    found = json_object(path)
    if not all(isinstance(config, Mapping) for config in found.values()):
        raise CorruptFileError(f"expected {{run name: configuration}} in {path}")
    return found


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def _step_column(names: Iterable[str], step_key: str | None, source: Path) -> str:
    known = (step_key,) if step_key else STEP_KEYS
    names = list(names)
    column = next((name for name in known if name in names), None)
    if column is None:
        raise InputError(
            f"expected a column {allowed(known)} in {source}; it has {allowed(sorted(names))}"
        )
    return column


def _by_step(frame: pd.DataFrame, step_key: str | None, source: Path) -> dict[str, pd.Series]:
    """The numbers of every column by step; what a table leaves empty was not recorded there."""
    column = _step_column(map(str, frame.columns), step_key, source)
    steps = pd.to_numeric(frame[column], errors="coerce").astype(float)
    kept = (steps % 1 == 0) & (steps.abs() < LARGEST_STEP)
    found = {}
    for name in frame.columns.drop(column):
        values = frame[name].where(frame[name].map(np.isscalar))  # media are dictionaries
        numbers = pd.to_numeric(values, errors="coerce").astype(float)[kept].dropna()
        if len(numbers):
            found[str(name)] = series_of(zip(steps[numbers.index], numbers, strict=True))
    return found
