"""The files of one tracked run: taken up where an earlier process left them, written row by row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from normlaws.curves import Curves
from normlaws.errors import InputError, StudyConflictError
from normlaws.storage.folder import RunFolder, StudyFolder
from normlaws.storage.lock import RunLock

Row = dict[str, float]


class RunFiles:
    """Record and curve of one run, held against other writers.

    Attributes:
        folder: where they are.
        rows: recorded so far, ascending in ``step``.

    Args:
        out: study folder.
        record: ``size``, ``seed``, ``settings`` and ``conventions`` of the run, and what made it.
        replace: whether a complete run is deleted and begun anew.

    Raises:
        InputError: the settings are no plain JSON values.
        StudyConflictError: the run is complete and not to be replaced, was begun with another
            reading of norms, or another live process is recording it.
    """

    def __init__(self, out: Path, record: Mapping[str, Any], *, replace: bool = False) -> None:
        run = run_id(record)
        self.folder = StudyFolder(out).run(run)
        if not replace:
            self._refuse_complete()
        self._lock = RunLock(self.folder.root)
        if not replace:
            self._refuse_complete()
        elif _says_complete(self.folder):
            self.folder.record.unlink()
            self.folder.curve.unlink(missing_ok=True)
        self.rows = _read_rows(self.folder, record)
        self._record = {**record, "run": run, "status": "unfinished", "error": ""}
        self._said = False

    def keep_until(self, step: int) -> None:
        """Drop the rows that an earlier process recorded after ``step``."""
        self.rows = [row for row in self.rows if row["step"] <= step]

    def append(self, row: Row, *, diverged: bool = False) -> None:
        """Add a row; it is on disk when this returns.

        Raises:
            StudyConflictError: the run was closed, or a later tracker has taken it over.
        """
        if not self._lock.held:
            raise StudyConflictError(
                f"expected an open tracker for {self.folder.root}, but it was closed, or a later "
                "tracker of the same run has taken over"
            )
        self.rows.append(row)
        index = {name: self._record[name] for name in ("size", "seed")}
        written = self.folder.write_curve(pd.DataFrame(self.rows).assign(**index))
        self._record["curve"] = written
        if diverged:
            self._record["status"] = "diverged"
        if self._record["status"] == "diverged" or not self._said:
            self.folder.write_record(self._record)
            self._said = True

    def close(self, status: str, error: str) -> None:
        """Write how the run ended, and let others have it; a diverged one stays diverged."""
        if not self._lock.held:
            return
        if self._record["status"] != "diverged":
            self._record |= {"status": status, "error": error}
        self.folder.write_record(self._record)
        self._lock.release()

    def _refuse_complete(self) -> None:
        if _says_complete(self.folder):
            raise StudyConflictError(
                f"expected a run that is not complete, but {self.folder.root} is; give "
                'if_complete="skip" or "replace", other settings, size or seed, or another out'
            )


def is_complete(out: Path, record: Mapping[str, Any]) -> bool:
    """Whether the run that a record describes was recorded to its end.

    Raises:
        InputError: the settings are no plain JSON values.
        CorruptFileError: it was, but its curve was changed or damaged since.
    """
    folder = StudyFolder(out).run(run_id(record))
    if not _says_complete(folder):
        return False
    folder.checked_curve(folder.read_record())
    return True


def _says_complete(folder: RunFolder) -> bool:
    return folder.known_record().get("status") == "complete"


def run_id(record: Mapping[str, Any]) -> str:
    """Size, seed and a hash of these and the settings.

    Raises:
        InputError: the settings are no plain JSON values.
    """
    what = {name: record[name] for name in ("size", "seed", "settings")}
    try:
        text = json.dumps(what, sort_keys=True)
    except TypeError as error:
        raise InputError(f"expected settings of plain JSON values, but {error}") from None
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"P{record['size']}-s{record['seed']}-{digest}"


def _read_rows(folder: RunFolder, record: Mapping[str, Any]) -> list[Row]:
    """What an earlier process recorded under the same reading of the norms."""
    if not folder.curve.exists() or not folder.record.exists():
        return []
    before = folder.read_record().get("conventions", record["conventions"])
    if before != record["conventions"]:
        raise StudyConflictError(
            f"expected {folder.root} to be continued with norms measured as {before}, got "
            f"{record['conventions']}; give these, other settings, or another out"
        )
    frame = Curves.read(folder.root).frame.drop(columns=["run", "size", "seed"])
    rows: list[Row] = frame.to_dict("records")
    return rows
