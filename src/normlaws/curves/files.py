"""``Curves`` on disk: one Parquet file, or the folder form of a study."""

from __future__ import annotations

import glob
import json
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from normlaws.curves.checks import INDEX
from normlaws.errors import CorruptFileError, DataNotFoundError, InputError
from normlaws.storage.folder import RunFolder, StudyFolder, replace_file

_METADATA = b"normlaws.runs"

Tables = tuple[pd.DataFrame, pd.DataFrame | None]


def places(path: str | Path) -> list[Path]:
    """What a path or pattern stands for: itself where it exists, else what matches, in order.

    A pattern passes over what cannot hold curves: files that do not end in ``.parquet`` (reports,
    notes beside the studies) and folders without a record.

    Raises:
        DataNotFoundError: nothing is there, or nothing that matches holds curves.
    """
    if Path(path).exists():
        found = [Path(path)] if _may_hold_curves(Path(path), by_name=True) else []
    else:
        matches = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]
        found = [match for match in matches if _may_hold_curves(match)]
    if found:
        return found
    raise DataNotFoundError(
        f"expected recorded curves at {path}, but found none; accepted are a study folder, "
        "a run folder with run.json and curve.parquet, a .parquet file that normlaws "
        "wrote, or a glob pattern of these"
    )


def _may_hold_curves(path: Path, *, by_name: bool = False) -> bool:
    """Whether a place holds curves; a file that was named itself is always tried."""
    if path.is_file():
        belongs_to_run = (path.parent / "run.json").exists()
        return by_name or (path.suffix == ".parquet" and not belongs_to_run)
    return (path / "run.json").exists() or bool(_run_folders(path))


def _run_folders(path: Path) -> list[RunFolder]:
    found = StudyFolder(path).run_folders()
    return found or [RunFolder(record.parent) for record in sorted(path.glob("*/run.json"))]


def read_place(path: Path) -> Iterator[tuple[Path, Tables]]:
    """The tables of every run in a place, each with the file that damage is to be blamed on."""
    if path.is_file():
        yield path, _read_parquet(path)
        return
    folders = [RunFolder(path)] if (path / "run.json").exists() else _run_folders(path)
    for folder in folders:
        yield folder.curve, _read_run(folder)


def _read_run(folder: RunFolder) -> Tables:
    record = folder.read_record()
    for name in ("size", "seed"):
        if name not in record:
            raise CorruptFileError(f"expected {name!r} in {folder.record}, but it is missing")
    record.setdefault("run", folder.root.name)
    if folder.curve.exists():
        frame = read_arrow(folder.curve)[0].assign(run=str(record["run"]))
    else:
        frame = pd.DataFrame(columns=list(INDEX))
    return frame, pd.DataFrame([record])


def _read_parquet(path: Path) -> Tables:
    frame, metadata = read_arrow(path)
    if _METADATA not in metadata:
        return frame, None
    try:
        records = json.loads(metadata[_METADATA])
    except (ValueError, RecursionError):
        records = None
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise CorruptFileError(f"expected the records of runs in {path}, but they are damaged")
    return frame, pd.DataFrame(records, columns=None if records else ["run", "size", "seed"])


def read_arrow(path: Path) -> tuple[pd.DataFrame, Mapping[bytes, bytes]]:
    """The columns of a Parquet file as plain types, and its metadata.

    Raises:
        CorruptFileError: the file cannot be read.
    """
    whole = {pa.int64(): pd.Int64Dtype()}
    try:
        table = pq.read_table(path)
        # what pandas stored beside the columns is not needed, and may be damaged by itself
        return table.to_pandas(ignore_metadata=True, types_mapper=whole.get), (
            table.schema.metadata or {}
        )
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        reason = (str(error).splitlines() or ["it is damaged"])[0]
        raise CorruptFileError(
            f"expected a Parquet file at {path}, but it cannot be read: {reason}"
        ) from None


def write_parquet(path: Path, frame: pd.DataFrame, runs: pd.DataFrame) -> None:
    """One long-format table, with the records of the runs in its metadata."""
    records = [_plain(record) for record in runs.to_dict("records")]
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata(
        {**(table.schema.metadata or {}), _METADATA: json.dumps(records).encode()}
    )
    replace_file(path, lambda beside: pq.write_table(table, beside))


def write_folder(path: Path, frame: pd.DataFrame, runs: pd.DataFrame) -> None:
    """One folder for every run.

    Raises:
        InputError: a run id is no name for a folder.
    """
    for run in runs["run"]:
        check_run_name(run)
    for record in runs.to_dict("records"):
        folder = StudyFolder(path).run(record["run"])
        folder.write_curve(frame[frame["run"] == record["run"]].drop(columns="run"))
        folder.write_record(_plain(record))


def check_run_name(run: str) -> None:
    """Refuse run ids that would leave the folder they are written to.

    Raises:
        InputError: the id is empty, starts with a dot or holds a separator or control character.
    """
    if not run or run.startswith(".") or any(c in "/\\:" or ord(c) < 32 for c in run):
        raise InputError(
            f"expected a run id that can name a folder, got {run!r}; accepted are ids without "
            "slash, backslash, colon or control character that do not start with a dot"
        )


def _plain(record: Mapping[Hashable, Any]) -> dict[str, Any]:
    """A run's record with JSON's own types; what is missing becomes ``null``."""
    return {str(name): _value(value) for name, value in record.items()}


def _value(value: Any) -> Any:
    if value is pd.NA:
        return None
    return value.item() if isinstance(value, np.generic) else value
