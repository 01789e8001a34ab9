"""The on-disk form of a study: every path, and writes that are never seen half done.

```
DIR/study.toml                          what is run (absent where runs come from a Tracker)
DIR/runs/<id>/run.json                  size, seed, status, settings, versions, hardware, code
DIR/runs/<id>/curve.parquet             one row per recorded step
DIR/runs/<id>/checkpoint.safetensors    only while the run is unfinished
```

Nothing here is pickled, and nothing read can run code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from normlaws.errors import CorruptFileError, StudyConflictError


@dataclass(frozen=True)
class RunFolder:
    """The files of one run."""

    root: Path

    @property
    def record(self) -> Path:
        """The run's record, JSON."""
        return self.root / "run.json"

    @property
    def curve(self) -> Path:
        """The recorded steps, Parquet."""
        return self.root / "curve.parquet"

    @property
    def checkpoint(self) -> Path:
        """State of an unfinished run, safetensors."""
        return self.root / "checkpoint.safetensors"

    def read_record(self) -> dict[str, Any]:
        """The run's record; an empty dictionary where none has been written."""
        return read_json(self.record) if self.record.exists() else {}

    def write_record(self, record: dict[str, Any]) -> None:
        """Replace the run's record."""
        write_json(self.record, record)

    def write_curve(self, frame: pd.DataFrame) -> None:
        """Replace the run's recorded steps."""
        replace_file(self.curve, lambda path: frame.to_parquet(path, index=False))


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

    def report_is_current(self) -> bool:
        """Whether a report is there and nothing was recorded after it was written."""
        written = (path.stat().st_mtime_ns for path in self.runs.glob("*/*"))
        return self.report.exists() and self.report.stat().st_mtime_ns > max(written, default=0)

    @property
    def stop(self) -> Path:
        """While this file exists, workers write a checkpoint and return."""
        return self.root / ".stop"

    def run(self, run_id: str) -> RunFolder:
        """The folder of one run."""
        return RunFolder(self.runs / run_id)

    def run_folders(self) -> list[RunFolder]:
        """The runs that have a record, in the order of their names."""
        return [RunFolder(path.parent) for path in sorted(self.runs.glob("*/run.json"))]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the study against a second writer; the lock falls with the process.

        Raises:
            StudyConflictError: another process of this machine is writing to the study.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with open(self.root / ".lock", "a", encoding="utf-8") as handle:
            if not _try_lock(handle.fileno()):
                raise StudyConflictError(
                    f"expected {self.root} to be free, but another process is running a study "
                    "there; wait for it, stop it, or give another --out"
                )
            yield


def _try_lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows has no flock; runs are still written atomically
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside ``path``, flush, then rename: readers see the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(beside)
        with open(beside, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write JSON through :func:`replace_file`."""
    text = json.dumps(value, indent=2, sort_keys=True) + "\n"
    replace_file(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        CorruptFileError: the file is not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CorruptFileError(
            f"expected a JSON object in {path}, but it is damaged: {error}"
        ) from None
    if not isinstance(value, dict):
        raise CorruptFileError(f"expected a JSON object in {path}, got a {type(value).__name__}")
    return value
