"""The on-disk form of a study: every path, and writes that are never seen half done.

```
DIR/study.toml                          what is run (absent where runs come from a Tracker)
DIR/runs/<id>/run.json                  size, seed, status, settings, versions, hardware, code
DIR/runs/<id>/curve.parquet             one row per recorded step
DIR/runs/<id>/checkpoint.safetensors    only while the run is unfinished
DIR/runs/<id>/.lease/                   only while a worker has the run
```

Nothing here is pickled, and nothing read can run code.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from normlaws.errors import CorruptFileError, StudyConflictError
from normlaws.storage.flock import open_lock, try_lock
from normlaws.storage.reading import MAX_TABLE, content, json_object
from normlaws.version import __version__

BESIDE_SUFFIX = ".tmp"


@dataclass(frozen=True)
class RunFolder:
    """The files of one run."""

    root: Path

    @cached_property
    def record(self) -> Path:
        """The run's record, JSON."""
        return self.root / "run.json"

    @cached_property
    def curve(self) -> Path:
        """The recorded steps, Parquet."""
        return self.root / "curve.parquet"

    @property
    def checkpoint(self) -> Path:
        """State of an unfinished run, safetensors."""
        return self.root / "checkpoint.safetensors"

    @property
    def lease(self) -> Path:
        """There while a worker has the run."""
        return self.root / ".lease"

    def read_record(self) -> dict[str, Any]:
        """The run's record; an empty dictionary where none has been written.

        Raises:
            CorruptFileError: the record is damaged.
        """
        try:
            return json_object(self.record)
        except FileNotFoundError:
            return {}

    def known_record(self) -> dict[str, Any]:
        """What can be read of the run's record; an empty dictionary where it is damaged."""
        try:
            return self.read_record()
        except CorruptFileError:
            return {}

    def write_record(self, record: dict[str, Any]) -> None:
        """Replace the run's record."""
        write_json(self.record, record)

    def write_curve(self, frame: pd.DataFrame) -> dict[str, Any]:
        """Replace the run's recorded steps; return what the record of a finished run says of them.

        Returns:
            ``rows`` and ``sha256`` of the file, for the record's ``curve``.
        """
        written = _parquet(frame)
        replace_file(self.curve, lambda path: path.write_bytes(written))
        return {"rows": len(frame), "sha256": hashlib.sha256(written).hexdigest()}

    def checked_curve(self, record: dict[str, Any]) -> tuple[bytes, str]:
        """The file of recorded steps, which is the one that ``record`` was written for.

        Records of unfinished runs, and those of versions that did not write digests, are taken
        with the curve that is there.

        Returns:
            the file's contents and their SHA-256.

        Raises:
            CorruptFileError: the curve of a finished run is missing, or is another one.
        """
        try:
            found = content(self.curve, "a run's curve", MAX_TABLE)
        except FileNotFoundError as missing:
            raise CorruptFileError(str(missing)) from None
        described = record.get("curve")
        stated = described.get("sha256") if isinstance(described, dict) else None
        digest = hashlib.sha256(found).hexdigest()
        if is_finished(record) and stated not in (None, digest):
            raise CorruptFileError(
                f"expected {self.curve} as {self.record.name} describes it, but its contents are "
                "others: it was changed, exchanged or damaged after the run ended"
            )
        return found, digest


def is_finished(record: dict[str, Any]) -> bool:
    """Whether a record says that nothing remains to be trained."""
    return record.get("status") in ("complete", "diverged")


@dataclass(frozen=True)
class StudyFolder:
    """Every path of one study; the only place that knows the layout."""

    root: Path

    @property
    def study(self) -> Path:
        """The study's definition, TOML."""
        return self.root / "study.toml"

    @property
    def runs(self) -> Path:
        """The folder of run folders."""
        return self.root / "runs"

    @property
    def report(self) -> Path:
        """The self-contained HTML report."""
        return self.root / "report.html"

    @property
    def report_note(self) -> Path:
        """What the report was written from, and what it was then: two digests."""
        return self.root / ".report.json"

    def contents(self, read: Mapping[Path, tuple[str, str]] | None = None) -> str:
        """SHA-256 of all that was recorded, and of the version that reads it; no clock is asked.

        Args:
            read: digests of record and curve of runs that this process has read already.
        """
        digest = hashlib.sha256(__version__.encode())
        for run in self.run_folders():
            known = (read or {}).get(run.root)
            record, curve = known or ("", "")
            for name, held in (("run.json", record), ("curve.parquet", curve)):
                held = held or _digest(run.root / name)
                digest.update(f"{run.root.name}/{name} {held}\n".encode(errors="replace"))
        return digest.hexdigest()

    def report_is_current(self, contents: str) -> bool:
        """Whether the report that is there was written from ``contents``, and is as it was."""
        try:
            return json_object(self.report_note) == self._noted(contents)
        except (CorruptFileError, FileNotFoundError):
            return False

    def note_report(self, contents: str) -> None:
        """Say that the report that is there was written from ``contents``."""
        write_json(self.report_note, self._noted(contents))

    def _noted(self, contents: str) -> dict[str, str]:
        report = content(self.report, "a report", MAX_TABLE)
        return {"contents": contents, "report": hashlib.sha256(report).hexdigest()}

    @property
    def session(self) -> Path:
        """Names the process that runs the study; workers of any other stop at a checkpoint."""
        return self.root / ".session"

    def open_session(self) -> str:
        """Make all workers of earlier sessions stop; return the name of the new one."""
        name = uuid.uuid4().hex
        replace_file(self.session, lambda path: path.write_text(name, encoding="utf-8"))
        return name

    def in_session(self, name: str) -> bool:
        """Whether the session goes on; asked by opening the file, which NFS answers afresh."""
        try:
            return self.session.read_text(encoding="utf-8") == name
        except FileNotFoundError:
            return False

    def close_session(self) -> None:
        """Make all workers stop, also where the folder lets nothing be removed.

        Raises:
            OSError: nothing can be written there at all.
        """
        try:
            self.session.unlink(missing_ok=True)
        except OSError:
            self.session.write_text("", encoding="utf-8")

    def run(self, run_id: str) -> RunFolder:
        """The folder of one run."""
        return RunFolder(self.runs / run_id)

    def run_folders(self) -> list[RunFolder]:
        """The runs that have a record, in the order of their names."""
        runs = self.runs
        return [RunFolder(runs / name) for name in sorted(self._recorded())]

    def has_runs(self) -> bool:
        """Whether one has a record."""
        return any(True for _ in self._recorded())

    def _recorded(self) -> Iterator[str]:
        runs = str(self.runs)
        try:
            names = os.listdir(runs)
        except OSError:
            return
        yield from (name for name in names if os.path.exists(f"{runs}/{name}/run.json"))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the study against a second writer; the lock falls with the process.

        On a file system without locks the study goes on unlocked.

        Raises:
            StudyConflictError: another process of this machine is writing to the study.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with os.fdopen(open_lock(self.root / ".lock"), "rb") as handle:
            if not try_lock(handle.fileno()):
                raise StudyConflictError(
                    f"expected {self.root} to be free, but another process is running a study "
                    "there; wait for it, stop it, or give another --out"
                )
            yield


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(content(path, "what was recorded", MAX_TABLE)).hexdigest()
    except (CorruptFileError, FileNotFoundError):
        return "unreadable"


def _parquet(frame: pd.DataFrame) -> bytes:
    """A curve without what a reader of short files spends most of its time on.

    Dictionaries, statistics and two descriptions of the types would be most of the file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    stream = io.BytesIO()
    pq.write_table(table, stream, use_dictionary=False, write_statistics=False, store_schema=False)
    return stream.getvalue()


_fences: dict[Path, Callable[[], None]] = {}


@contextmanager
def fenced(folder: Path, check: Callable[[], None]) -> Iterator[None]:
    """Call ``check`` before any file directly in ``folder`` is replaced inside the block.

    It raises where this process may no longer write there. What was written beside the file is
    then removed; and since the check comes after that writing, whoever takes the folder over and
    removes what lies beside its files cannot be overwritten by a process that slept in between.
    """
    _fences[folder] = check
    try:
        yield
    finally:
        del _fences[folder]


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside ``path``, flush, then rename: readers see the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}{BESIDE_SUFFIX}")
    check = _fences.get(path.parent, _unfenced)
    try:
        write(beside)
        with open(beside, "rb") as handle:
            os.fsync(handle.fileno())
        check()
        os.replace(beside, path)
        _flush_folder(path.parent)
    except FileNotFoundError:
        check()
        raise
    finally:
        beside.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Put a rename on disk where the system can, so that renames survive in their order."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_unfinished(folder: Path) -> None:
    """Remove what killed writers left beside the files of ``folder``."""
    for beside in folder.glob(f".*{BESIDE_SUFFIX}"):
        beside.unlink(missing_ok=True)


def _unfenced() -> None:
    pass


def write_json(path: Path, value: object) -> None:
    """Write JSON through :func:`replace_file`."""
    text = json.dumps(value, indent=2, sort_keys=True) + "\n"
    replace_file(path, lambda beside: beside.write_text(text, encoding="utf-8"))
