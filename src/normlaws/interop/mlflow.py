"""MLflow runs as ``Curves``: the file store without MLflow, any tracking server with it."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from normlaws.curves import Curves
from normlaws.errors import CorruptFileError, DataNotFoundError, InputError
from normlaws.interop.columns import ColumnMap, as_column_map
from normlaws.interop.extras import optional
from normlaws.interop.foreign import RECORD, ForeignRun, curves_of, record_from, series_of
from normlaws.interop.identity import Identity
from normlaws.storage.reading import content, reads, reason

FEATURE = "reading an MLflow tracking server"
STATUS = {"FINISHED": "complete", "FAILED": "failed", "KILLED": "unfinished"}
_STORED_STATUS = {"3": "FINISHED", "4": "FAILED", "5": "KILLED"}
_PAGE = 200
_LARGEST = float(np.finfo(float).max)  # what a database keeps for infinity


@reads("MLflow runs")
def read_mlflow(
    path: str | Path,
    columns: ColumnMap | Mapping[str, str] | None = None,
    identity: Identity | None = None,
    *,
    experiment: str | None = None,
) -> Curves:
    """Read the runs of an ``mlruns`` folder, of one experiment in it, or of a tracking server.

    Metrics are taken by their usual names or by ``columns``; sizes and seeds come from parameters,
    metrics that never change, or the run's name. Deleted runs are left out.

    Args:
        path: an ``mlruns`` folder, an experiment's or a run's folder in it, or a tracking URI
            such as ``http://localhost:5000`` or ``sqlite:///mlflow.db``.
        columns: what the metrics are.
        identity: how to find size and seed.
        experiment: name of one experiment; all by default.

    Raises:
        MissingExtraError: ``path`` is a URI, and MLflow is not installed.
        DataNotFoundError: no run is there.
        CorruptFileError: a file is damaged; the message names it.
        InputError: no known metric, sizes and seeds cannot be found, or the server refuses.
    """
    if "://" in str(path):
        runs = list(_served(str(path), experiment))
    else:
        runs = [_stored(folder) for folder in _run_folders(Path(path), experiment)]
    if not runs:
        named = f" in the experiment {experiment!r}" if experiment else ""
        raise DataNotFoundError(
            f"expected MLflow runs at {path}{named}, but found none; accepted are an mlruns "
            "folder, an experiment or run folder in it, or a tracking URI"
        )
    return curves_of(runs, as_column_map(columns), identity or Identity(), path)


def _run_folders(root: Path, experiment: str | None) -> list[Path]:
    folders = [root] if _is_run(root) else sorted(filter(_is_run, root.glob("*")))
    folders = folders or sorted(filter(_is_run, root.glob("*/*")))
    return [
        folder
        for folder in folders
        if not folder.parent.name.startswith(".")
        and _meta(folder).get("lifecycle_stage", "active") == "active"
        and experiment in (None, _meta(folder.parent).get("name"))
    ]


def _is_run(folder: Path) -> bool:
    return (folder / "meta.yaml").is_file() and (folder / "metrics").is_dir()


def _meta(folder: Path) -> dict[str, str]:
    """Top-level ``name: value`` lines of ``meta.yaml``; all that is needed of it."""
    path = folder / "meta.yaml"
    if not path.is_file():
        return {}
    pairs = (line.partition(": ") for line in _text(path).splitlines() if ": " in line)
    return {name: value.strip().strip("'\"") for name, _, value in pairs}


def _stored(folder: Path) -> ForeignRun:
    meta = _meta(folder)
    tags = _values(folder / "tags")
    name = tags.get("mlflow.runName") or meta.get("run_name") or folder.name
    status = meta.get("status", "")
    return ForeignRun(
        name, folder.name, str(folder),
        dict(_metrics(folder / "metrics")),
        _values(folder / "params"),
        STATUS.get(_STORED_STATUS.get(status, status), "unfinished"),
        _record(tags.get(RECORD), folder),
    )  # fmt: skip


def _values(folder: Path) -> dict[str, str]:
    """One file a name; a name with slashes is a file in folders."""
    return {
        path.relative_to(folder).as_posix(): _text(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _metrics(folder: Path) -> Iterator[tuple[str, pd.Series]]:
    for name, text in _values(folder).items():
        points = [_point(line, folder / name) for line in text.splitlines() if line.strip()]
        if points:
            yield name, series_of(points)


def _point(line: str, path: Path) -> tuple[int, float]:
    """One line ``timestamp value step``; old stores have no step, new ones may add more."""
    words = line.split()
    try:
        step = int(words[2]) if len(words) > 2 else 0
        return int(np.int64(step)), float(words[1])
    except (IndexError, ValueError, OverflowError):
        raise CorruptFileError(
            f"expected lines of timestamp, value and step in {path}, got {line[:60]!r}"
        ) from None


def _text(path: Path) -> str:
    try:
        return content(path, "text").decode("utf-8")
    except UnicodeDecodeError:
        raise CorruptFileError(f"expected text in {path}, but it cannot be read") from None


def _record(text: str | None, source: object) -> dict[str, Any] | None:
    return None if text is None else record_from(text, source)


def _served(uri: str, experiment: str | None) -> Iterator[ForeignRun]:
    check_database(uri)
    tracking = optional("mlflow.tracking", FEATURE)
    failure = optional("mlflow.exceptions", FEATURE).MlflowException
    check_answers(uri)
    try:
        client = tracking.MlflowClient(tracking_uri=uri)
        known = _pages(client.search_experiments)
        ids = [one.experiment_id for one in known if experiment in (None, one.name)]
        for run in _pages(client.search_runs, experiment_ids=ids) if ids else ():
            yield _from_client(client, run, uri)
    except (failure, ModuleNotFoundError, KeyError) as error:
        database = uri.partition(":")[0].partition("+")[0] in _DATABASES
        if database and (not isinstance(error, failure) or find_spec("sqlalchemy") is None):
            raise InputError(
                f"expected the full mlflow package to read the database {uri}, but it is not "
                "installed or cannot read it; install it with: pip install mlflow"
            ) from None
        what = "database" if database else "tracking server"
        raise InputError(f"expected an MLflow {what} at {uri}, but {reason(error)}") from None


def check_answers(uri: str) -> None:
    """Ask once whether anything listens at an address, before a client asks for minutes.

    Raises:
        InputError: nothing answers within :data:`ANSWER_SECONDS`, or the address is none.
    """
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"expected the address of an MLflow server, got {uri}: {error}") from None
    if parts.scheme not in _PORTS:
        return
    try:
        port = port or _PORTS[parts.scheme]
        with socket.create_connection((host or "", port), timeout=ANSWER_SECONDS):
            return
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"expected an MLflow tracking server at {uri}, but nothing answers there: "
            f"{reason(error)}"
        ) from None


def check_database(uri: str) -> None:
    """Look into the file of an SQLite database, before MLflow does, which would make a new one.

    Raises:
        DataNotFoundError: it is not there.
        CorruptFileError: it is damaged, or holds no runs of MLflow.
    """
    if uri.partition(":")[0].partition("+")[0] != "sqlite":
        return
    file = Path(uri.partition("///")[2])
    if not file.is_file():
        raise DataNotFoundError(
            f"expected an MLflow database at {file}, but there is none (databases are read by the "
            "full mlflow package)"
        )
    try:
        with contextlib.closing(
            sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
        ) as db:
            found = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
            checked = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        raise CorruptFileError(
            f"expected an MLflow database at {file}, but it cannot be read: {reason(error)}"
        ) from None
    if checked != ("ok",):
        raise CorruptFileError(f"expected an MLflow database at {file}, but it is damaged")
    if not {"runs", "metrics", "experiments"} <= found:
        raise CorruptFileError(
            f"expected an MLflow database at {file}, but it holds no tables of MLflow's runs"
        )


ANSWER_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443}
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")


def _pages(search: Any, **wanted: Any) -> Iterator[Any]:
    token = None
    while True:
        page = search(max_results=_PAGE, page_token=token, **wanted)
        yield from page
        token = page.token
        if not token:
            return


def _from_client(client: Any, run: Any, uri: str) -> ForeignRun:
    series = {
        name: series_of((one.step, _unbounded(one.value)) for one in history)
        for name in run.data.metrics
        if (history := client.get_metric_history(run.info.run_id, name))
    }
    return ForeignRun(
        run.info.run_name or run.info.run_id, run.info.run_id, uri,
        series, run.data.params,
        STATUS.get(run.info.status, "unfinished"),
        _record(run.data.tags.get(RECORD), uri),
    )  # fmt: skip


def _unbounded(value: float) -> float:
    return float(np.copysign(np.inf, value)) if abs(value) >= _LARGEST else value
