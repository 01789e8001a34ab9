"""``Curves`` on disk: one Parquet file, or the folder form of a study."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import warnings
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from normlaws.curves.checks import INDEX
from normlaws.curves.decoded import Decoded
from normlaws.curves.parquet import WHAT, read_parquet_table
from normlaws.errors import CorruptFileError, DataNotFoundError, InputError, NormlawsWarning
from normlaws.storage.folder import RunFolder, StudyFolder, is_finished, replace_file
from normlaws.storage.reading import (
    check_unfolded,
    content,
    json_object_of,
    json_value,
    reading,
)

_METADATA = b"normlaws.runs"
_CELL, _RECORD = 8, 4096  # bytes of a number, and of the usual record of a run

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
    return (path / "run.json").exists() or StudyFolder(path).has_runs() or bool(_run_folders(path))


def _run_folders(path: Path) -> list[RunFolder]:
    found = StudyFolder(path).run_folders()
    return found or [RunFolder(record.parent) for record in sorted(path.glob("*/run.json"))]


@dataclass(frozen=True)
class StoredRun:
    """What is on disk of one run: its record, and its recorded steps as they were stored.

    Attributes:
        source: the file of recorded steps.
        record: what the run's record says.
        steps: a row for each recorded step; ``None`` where nothing is recorded yet.
        stored: bytes of the file of recorded steps.
        digest: its SHA-256; empty where there is none.
        record_digest: the SHA-256 of the record's file.
    """

    source: Path
    record: dict[str, Any]
    steps: pa.Table | None
    stored: int = 0
    digest: str = ""
    record_digest: str = ""

    def tables(self) -> Tables:
        """The run alone."""
        return joined([self])


Stamp = tuple[tuple[int, int, int] | None, ...]
Kept = dict[Path, tuple[Stamp, StoredRun]]


def read_place(path: Path, kept: Kept | None = None) -> list[StoredRun]:
    """The runs of a folder. In a folder of several, a damaged one is left out with a warning.

    Args:
        path: the folder.
        kept: runs that were read before; those whose files are still the same are not read again,
            and what is read is put there.

    Raises:
        CorruptFileError: the only run, or every run of the folder is damaged.

    Warns:
        NormlawsWarning: a run of several is left out.
    """
    if (path / "run.json").exists():
        return [_read_run(RunFolder(path))]
    kept = {} if kept is None else kept
    folders = _run_folders(path)
    if len(folders) < _MANY:
        read = [_read_again(folder, kept) for folder in folders]
    else:
        read = _read_many(path, folders, kept)
    found = [run for run in read if isinstance(run, StoredRun)]
    damages = [run for run in read if isinstance(run, CorruptFileError)]
    say_left_out(damages, nothing=not found)
    return found


_MANY, _THREADS = 64, 4  # runs that are worth threads, which wait for files and unpack side by side


def _read_many(
    path: Path, folders: list[RunFolder], kept: Kept
) -> list[StoredRun | CorruptFileError]:
    """The runs of a large study; what was decoded before is looked up."""
    fresh = sum(folder.root not in kept for folder in folders)
    decoded = Decoded.of(path) if fresh >= _MANY else None
    if decoded is None or decoded.tables:
        read = [_read_again(folder, kept, decoded) for folder in folders]
    else:
        with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
            read = list(pool.map(_read_again, folders, repeat(kept)))
    if decoded is not None:
        decoded.keep([
            (run.digest, run.steps) for run in read
            if isinstance(run, StoredRun) and run.steps is not None and is_finished(run.record)
        ])  # fmt: skip
    return read


def say_left_out(damages: Sequence[CorruptFileError], nothing: bool) -> None:
    """Say which runs of a folder are left out.

    Raises:
        CorruptFileError: there is ``nothing`` beside them.

    Warns:
        NormlawsWarning: a run is left out.
    """
    if damages and nothing:
        raise damages[0]
    for damage in damages:
        warnings.warn(f"a run is left out: {damage}", NormlawsWarning, stacklevel=5)


def joined(runs: Sequence[StoredRun]) -> Tables:
    """The tables of several runs in one; much faster than one run after another.

    Raises:
        ValueError: their columns do not fit one another.
    """
    recorded = [(run, run.steps) for run in runs if run.steps is not None]
    source = runs[0].source.parent if runs else Path()
    records = _records([run.record for run in runs], _RECORD * len(runs), source)
    if not recorded:
        return pd.DataFrame(columns=list(INDEX)), records
    names = {name for schema in _schemas(recorded) for name in schema.names}
    rows = [len(steps) for _, steps in recorded]
    stored = sum(run.stored for run, _ in recorded)
    check_unfolded(_CELL * sum(rows) * len(names), stored, "curves of one form", source)
    together = pa.concat_tables([steps for _, steps in recorded], promote_options="permissive")
    ids = pa.array([str(run.record["run"]) for run, _ in recorded])
    which = np.repeat(np.arange(len(rows)), rows)
    return _plain_types(together.append_column("run", ids.take(pa.array(which)))), records


def _schemas(recorded: Sequence[tuple[StoredRun, pa.Table]]) -> list[pa.Schema]:
    """The schemas that occur, one after another; those of neighbours are mostly the same."""
    found: list[pa.Schema] = []
    for _, steps in recorded:
        if not found or steps.schema != found[-1]:
            found.append(steps.schema)
    return found


def _read_again(
    folder: RunFolder, kept: Kept, decoded: Decoded | None = None
) -> StoredRun | CorruptFileError:
    """The run, or what is wrong with it."""
    stamp = _stamp(f"{folder.root}/run.json"), _stamp(f"{folder.root}/curve.parquet")
    known = kept.get(folder.root)
    if known is None or known[0] != stamp or None in stamp:
        try:
            known = kept[folder.root] = (stamp, _read_run(folder, decoded))
        except CorruptFileError as damage:
            return damage
    return known[1]


def _stamp(path: str) -> tuple[int, int, int] | None:
    """Files are replaced whole, so that a new one has another number."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _read_run(folder: RunFolder, decoded: Decoded | None = None) -> StoredRun:
    with reading("a run", folder.root):
        text = content(folder.record, "a JSON object")
        record = json_object_of(text, "a JSON object", folder.record)
        written = hashlib.sha256(text).hexdigest()
        for name in ("size", "seed"):
            if name not in record:
                raise CorruptFileError(f"expected {name!r} in {folder.record}, but it is missing")
        record.setdefault("run", folder.root.name)
        if not is_finished(record) and not folder.curve.exists():
            record.pop("curve", None)
            return StoredRun(folder.curve, record, None, record_digest=written)
        found, digest = folder.checked_curve(record)
        record.pop("curve", None)
        steps = decoded.tables.get(digest) if decoded is not None else None
        if steps is None:
            steps = read_parquet_table(found, folder.curve)
            if "run" in steps.column_names:
                steps = steps.drop_columns("run")
        return StoredRun(folder.curve, record, steps, len(found), digest, written)


def read_parquet(path: Path) -> Tables:
    """The rows and records of one Parquet file; no records where the file holds rows alone.

    Raises:
        CorruptFileError: the file or its records are damaged.
    """
    frame, metadata = read_arrow(path)
    if _METADATA not in metadata:
        return frame, None
    records = json_value(metadata[_METADATA], "the records of runs", path)
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise CorruptFileError(f"expected the records of runs in {path}, but they are damaged")
    return frame, _records(records, len(metadata[_METADATA]), path)


def _records(records: list[dict[str, Any]], stored: int, path: Path) -> pd.DataFrame:
    """A row for each record, a column for whatever any of them names."""
    names = {name for record in records for name in record}
    check_unfolded(_CELL * len(records) * len(names), stored, "records of runs", path)
    return pd.DataFrame(records, columns=None if records else ["run", "size", "seed"])


def read_arrow(path: Path) -> tuple[pd.DataFrame, Mapping[bytes, bytes]]:
    """The columns of a Parquet file as plain types, and its metadata.

    Raises:
        CorruptFileError: the file cannot be read, or would take far more memory than it is long.
    """
    table = read_parquet_table(path, path)
    with reading(WHAT, path):
        return _plain_types(table), table.schema.metadata or {}


def _plain_types(table: pa.Table) -> pd.DataFrame:
    """A frame without what pandas stored beside the columns, which may be damaged by itself."""
    whole = {pa.int64(): pd.Int64Dtype()}
    return table.to_pandas(ignore_metadata=True, types_mapper=whole.get)


def write_parquet(path: Path, frame: pd.DataFrame, runs: pd.DataFrame) -> None:
    """One long-format table, with the records of the runs in its metadata."""
    records = [_plain(record) for record in runs.to_dict("records")]
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata(
        {**(table.schema.metadata or {}), _METADATA: json.dumps(records).encode()}
    )
    replace_file(path, lambda beside: pq.write_table(table, beside))


def csv_text(frame: pd.DataFrame) -> str:
    """A table as CSV, in which no cell begins as the formula of a spreadsheet.

    An apostrophe is put before text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line's
    end, in names of columns too. Numbers stay as they are.
    """
    safe = frame.rename(columns=_no_formula)
    for index in range(len(safe.columns)):
        column = safe.iloc[:, index]
        if not pd.api.types.is_numeric_dtype(column):
            safe.isetitem(index, column.map(_no_formula, na_action="ignore"))
    return str(safe.to_csv(index=False))


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def write_folder(path: Path, frame: pd.DataFrame, runs: pd.DataFrame) -> None:
    """One folder for every run.

    Raises:
        InputError: a run id is no name for a folder.
    """
    for run in runs["run"]:
        check_run_name(run)
    for record in runs.to_dict("records"):
        folder = StudyFolder(path).run(record["run"])
        written = folder.write_curve(frame[frame["run"] == record["run"]].drop(columns="run"))
        folder.write_record(_plain(record) | {"curve": written})


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
