"""``Curves``: the one type that passes between rooms.

One row per (run, recorded step) in ``frame``, one record per run in ``runs``.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from normlaws.errors import CorruptFileError, DataNotFoundError, InputError, allowed
from normlaws.folder import RunFolder, StudyFolder, replace_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ERRORS = ("train_error", "val_error", "test_error")
LOSSES = ("train_loss", "val_loss", "test_loss")
METRICS = ("train_error", "train_loss", "val_error", "val_loss", "test_error", "test_loss")
STATUSES = ("complete", "unfinished", "diverged", "failed")

_INDEX = {"run": "str", "size": "int64", "seed": "Int64", "step": "Int64"}
_VALUES = ("epoch", *METRICS, "seconds")
_RECORD = ("settings", "versions", "hardware", "code")
_METADATA = b"normlaws.runs"


class Curves:
    """Learning curves of many runs: what was recorded, and what made it.

    Attributes:
        frame: one row per recorded step: ``run`` (id), ``size`` (P, training examples), ``seed``
            (``<NA>`` where the curve has none: averaged over seeds, or exact theory), ``step``
            (optimiser steps; ``<NA>`` where points are not steps of a training), ``epoch``, errors
            (fractions in [0, 1]), losses (nats), ``log_<norm>`` (natural logarithm, float64),
            ``seconds``. Rows of a run keep the order in which they were recorded.
        runs: one row per run: ``run``, ``size``, ``seed``, ``status`` (complete, unfinished,
            diverged or failed), ``error`` (message of a failed run, else empty), and the
            dictionaries ``settings``, ``versions``, ``hardware``, ``code``.

    Args:
        frame: as above; absent measurements are filled with NaN, further numeric columns kept.
        runs: as above; made from ``frame`` where omitted.

    Raises:
        InputError: a required column is missing, an error lies outside [0, 1], a column is not
            numeric, or the two tables name different runs.
    """

    def __init__(self, frame: pd.DataFrame, runs: pd.DataFrame | None = None) -> None:
        self.frame = _checked_frame(frame)
        self.runs = _checked_runs(self.frame, runs)

    @property
    def norms(self) -> list[str]:
        """Names of the recorded norms, without their ``log_``."""
        return [name.removeprefix("log_") for name in self.frame.columns if name.startswith("log_")]

    @property
    def metrics(self) -> list[str]:
        """Errors and losses that hold at least one value."""
        return [name for name in METRICS if self.frame[name].notna().any()]

    @property
    def sizes(self) -> list[int]:
        """The training-set sizes P, ascending."""
        return sorted(int(size) for size in self.runs["size"].unique())

    @property
    def seeds(self) -> list[int]:
        """The seeds, ascending; empty where no curve has one."""
        return sorted(int(seed) for seed in self.runs["seed"].dropna().unique())

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        return (
            f"Curves({len(self.runs)} runs, sizes {self.sizes}, {len(self.seeds)} seeds, "
            f"{len(self)} records, norms {self.norms})"
        )

    def _repr_html_(self) -> str:
        table = self.runs.groupby(["size", "status"]).size().unstack(fill_value=0)
        return f"<p>{self!r}</p>{table.to_html()}"

    def select(
        self,
        *,
        sizes: Iterable[int] | None = None,
        seeds: Iterable[int] | None = None,
        status: Iterable[str] | None = None,
    ) -> Curves:
        """The runs with the given sizes, seeds and statuses (each: all where omitted)."""
        keep = pd.Series(True, index=self.runs.index)
        for column, wanted in (("size", sizes), ("seed", seeds), ("status", status)):
            if wanted is not None:
                keep &= self.runs[column].isin(list(wanted))
        runs = self.runs[keep]
        return Curves(self.frame[self.frame["run"].isin(runs["run"])], runs)

    @classmethod
    def concat(cls, parts: Iterable[Curves]) -> Curves:
        """Put several sets of curves together; a run met twice with the same rows counts once.

        Raises:
            InputError: two parts hold different curves under one run id.
        """
        first: dict[str, pd.DataFrame] = {}
        runs = []
        for part in parts:
            fresh = ~part.runs["run"].isin(list(first))
            for run in part.runs["run"]:
                rows = part.frame[part.frame["run"] == run].reset_index(drop=True)
                kept = first.setdefault(run, rows)
                if not rows.dropna(axis=1, how="all").equals(kept.dropna(axis=1, how="all")):
                    raise InputError(
                        f"expected one curve per run id, got two different ones for {run}"
                    )
            runs.append(part.runs[fresh])
        if not runs:
            raise InputError("expected at least one set of curves to put together, got none")
        return cls(
            pd.concat(list(first.values()), ignore_index=True), pd.concat(runs, ignore_index=True)
        )

    @classmethod
    def read(cls, path: str | Path | Iterable[str | Path]) -> Curves:
        """Read a study folder, a run folder, a Parquet file, a glob pattern, or several of these.

        Raises:
            DataNotFoundError: nothing recorded is there.
            CorruptFileError: a file is truncated or damaged; the message names it.
        """
        if not isinstance(path, str | Path):
            return cls.concat(cls.read(part) for part in path)
        found = sorted(glob.glob(str(path))) if not Path(path).exists() else [str(path)]
        parts = [part for name in found for part in _read_one(Path(name))]
        if not parts:
            raise DataNotFoundError(
                f"expected recorded curves at {path}, but found none; accepted are a study folder, "
                "a run folder with run.json and curve.parquet, a .parquet file that normlaws "
                "wrote, or a glob pattern of these"
            )
        return parts[0] if len(parts) == 1 else cls.concat(parts)

    def write(self, path: str | Path) -> Path:
        """Write to one Parquet file (``….parquet``) or to the folder form; return the path."""
        path = Path(path)
        if path.suffix == ".parquet":
            _write_parquet(path, self)
            return path
        for record in self.runs.to_dict("records"):
            folder = StudyFolder(path).run(record["run"])
            folder.write_curve(self.frame[self.frame["run"] == record["run"]].drop(columns="run"))
            folder.write_record(_plain(record))
        return path

    def plot(
        self, norm: str = "spectral_complexity", metric: str = "test_error", ax: Axes | None = None
    ) -> Axes:
        """Draw ``metric`` against ``norm`` for every size, with seed bands; return the axes."""
        from normlaws.report import figures

        return figures.error_against_norm(self, norm=norm, metric=metric, ax=ax)


def _checked_frame(frame: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in _INDEX if name not in frame.columns]
    if missing:
        raise InputError(
            f"expected the columns {allowed(_INDEX)}, but {allowed(missing)} is missing; "
            f"the columns are {list(frame.columns)}"
        )
    filled = frame.reset_index(drop=True).copy()
    for name in _VALUES:
        if name not in filled:
            filled[name] = np.nan
    others = [name for name in filled.columns if name not in _INDEX]
    try:
        filled = filled.astype(_INDEX | dict.fromkeys(others, "float64"))
    except (TypeError, ValueError) as error:
        raise InputError(f"expected numeric columns beside run, but {error}") from None
    for name in ERRORS:
        bad = filled.loc[(filled[name] < 0) | (filled[name] > 1), name]
        if len(bad):
            raise InputError(
                f"expected {name} as a fraction in [0, 1], got {bad.iloc[0]:g}; "
                "divide percentages by 100"
            )
    extra = sorted(name for name in others if name not in _VALUES)
    return filled[[*_INDEX, *_VALUES, *extra]]


def _checked_runs(frame: pd.DataFrame, runs: pd.DataFrame | None) -> pd.DataFrame:
    per_run = frame.groupby("run", sort=False)[["size", "seed"]]
    if (per_run.nunique() > 1).any(axis=None):
        raise InputError("expected one size and one seed per run id, got several under one id")
    if runs is None:
        runs = per_run.first().reset_index()
    runs = runs.reset_index(drop=True).copy()
    unknown = set(frame["run"]) - set(runs["run"])
    if unknown:
        raise InputError(f"expected a record for every run, but {sorted(unknown)[0]} has none")
    defaults: dict[str, Any] = {"status": "complete", "error": ""}
    for name, value in defaults.items():
        runs[name] = runs[name].fillna(value) if name in runs else value
    for name in _RECORD:
        cells = list(runs[name]) if name in runs else [None] * len(runs)
        dicts: list[Any] = [dict(cell) if isinstance(cell, Mapping) else {} for cell in cells]
        runs[name] = dicts
    bad = set(runs["status"]) - set(STATUSES)
    if bad:
        raise InputError(f"expected a status {allowed(STATUSES)}, got {bad.pop()!r}")
    runs = runs.astype({"run": "str", "size": "int64", "seed": "Int64"})
    first = ["run", "size", "seed", "status", "error", *_RECORD]
    return runs[first + [name for name in runs.columns if name not in first]]


def _read_one(path: Path) -> list[Curves]:
    if path.is_file():
        return [_read_parquet(path)]
    if (path / "run.json").exists():
        return [_read_run(RunFolder(path))]
    folders = StudyFolder(path).run_folders()
    folders = folders or [RunFolder(found.parent) for found in sorted(path.glob("*/run.json"))]
    runs = [_read_run(folder) for folder in folders]
    if not runs:
        return []
    frame = pd.concat([run.frame for run in runs if len(run)] or [runs[0].frame], ignore_index=True)
    return [Curves(frame, pd.concat([run.runs for run in runs], ignore_index=True))]


def _read_run(folder: RunFolder) -> Curves:
    record = folder.read_record()
    for name in ("size", "seed"):
        if name not in record:
            raise CorruptFileError(f"expected {name!r} in {folder.record}, but it is missing")
    record.setdefault("run", folder.root.name)
    if folder.curve.exists():
        table = _read_table(folder.curve)
        frame = table.to_pandas().assign(run=record["run"])
    else:
        frame = pd.DataFrame(columns=list(_INDEX))
    return _named(folder.curve, frame, pd.DataFrame([record]))


def _read_parquet(path: Path) -> Curves:
    table = _read_table(path)
    stored = (table.schema.metadata or {}).get(_METADATA)
    runs = pd.DataFrame(json.loads(stored)) if stored else None
    return _named(path, table.to_pandas(), runs)


def _named(path: Path, frame: pd.DataFrame, runs: pd.DataFrame | None) -> Curves:
    try:
        return Curves(frame, runs)
    except InputError as error:
        raise CorruptFileError(f"{path} does not hold curves: {error}") from None


def _read_table(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise CorruptFileError(
            f"expected a Parquet file at {path}, but it cannot be read: {reason}"
        ) from None


def _write_parquet(path: Path, curves: Curves) -> None:
    records = [_plain(record) for record in curves.runs.to_dict("records")]
    table = pa.Table.from_pandas(curves.frame, preserve_index=False)
    table = table.replace_schema_metadata(
        {**(table.schema.metadata or {}), _METADATA: json.dumps(records).encode()}
    )
    replace_file(path, lambda beside: pq.write_table(table, beside))


def _plain(record: Mapping[Hashable, Any]) -> dict[str, Any]:
    """A run's record with JSON's own types; the missing seed becomes ``null``."""
    return {
        str(name): None
        if value is pd.NA
        else value.item()
        if isinstance(value, np.generic)
        else value
        for name, value in record.items()
    }
