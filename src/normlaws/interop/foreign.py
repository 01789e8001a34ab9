"""Runs as another program kept them, and how they become ``Curves``."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from normlaws.curves import METRICS, Curves
from normlaws.errors import CorruptFileError, InputError, NormlawsWarning, allowed
from normlaws.interop.columns import ColumnMap
from normlaws.interop.identity import Identity, flat, folder_name

_TAGS_NAMED = 20
RECORD = "normlaws.record"


@dataclass(frozen=True)
class ForeignRun:
    """One run, before anything in it has been understood.

    Attributes:
        name: as its program shows it; sizes and seeds may stand in it.
        key: what tells it from others of the same name.
        source: file or folder, for messages.
        rows: one row per recorded step, indexed by it; a column per tag.
        params: parameters or configuration, possibly nested.
        status: a status of ``Curves``.
        record: the run's record, where normlaws itself exported it.
    """

    name: str
    key: str
    source: str
    rows: pd.DataFrame
    params: Mapping[str, Any] = field(default_factory=dict)
    status: str = "complete"
    record: Mapping[str, Any] | None = None


def curves_of(
    runs: Sequence[ForeignRun], columns: ColumnMap, identity: Identity, source: object
) -> Curves:
    """Curves of every run that recorded a norm, an error or a loss; the others are passed over.

    Raises:
        InputError: no run recorded one, a mapped column is nowhere, a size is not to be found, two
            runs of one size have no seed, or values are out of range.

    Warns:
        NormlawsWarning: a run never recorded a norm and a metric at one step.
    """
    tags = sorted({str(tag) for run in runs for tag in run.rows.columns})
    columns.check_present(tags, source)
    named = [(run, columns.find(map(str, run.rows.columns))) for run in runs]
    useful = [(run, found) for run, found in named if set(found) - {"epoch", "seconds"}]
    if not useful:
        raise InputError(
            f"expected tags such as norm/spectral_complexity/global and val/loss in {source}, "
            f"got {allowed(tags[:_TAGS_NAMED] or ['none'])}; name them with --column NAME=TAG"
        )
    parts = [_one(run, found, columns, identity) for run, found in useful]
    names = _distinct([run for run, _ in useful], [record for _, record in parts])
    frames, records = [], []
    for name, (frame, record) in zip(names, parts, strict=True):
        frames.append(frame.assign(run=name))
        records.append({**record, "run": name})
    _check_seeds(records, [run for run, _ in useful])
    return Curves(pd.concat(frames, ignore_index=True), pd.DataFrame(records))


def _one(
    run: ForeignRun, found: Mapping[str, str], columns: ColumnMap, identity: Identity
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Table and record of one run; its id is still to be made."""
    converted = [columns.convert(ours, run.rows[tag], run.source) for ours, tag in found.items()]
    frame = pd.DataFrame({name: values.to_numpy() for name, values in converted})
    record = _record(run, identity)
    step = pd.array(run.rows.index.to_numpy(), dtype="Int64")
    if run.record is not None and run.record.get("steps") == "order":
        step = pd.array([pd.NA] * len(frame), dtype="Int64")
    seed = pd.array([record["seed"]] * len(frame), dtype="Int64")
    _warn_apart(run, frame)
    return frame.assign(size=record["size"], seed=seed, step=step), record


def _record(run: ForeignRun, identity: Identity) -> dict[str, Any]:
    if run.record is not None:
        kept = {name: value for name, value in run.record.items() if name != "steps"}
        size, seed = identity.size(run.name, kept, run.source), kept.get("seed")
        return {**kept, "size": size, "seed": None if seed is None else int(seed)}
    params = flat(run.params)
    values = {**_constants(run.rows), **params}
    return {
        "size": identity.size(run.name, values, run.source),
        "seed": identity.seed(run.name, values, run.source),
        "status": run.status,
        "settings": params,
    }


def _constants(rows: pd.DataFrame) -> dict[str, Any]:
    """Columns that hold one value along the whole run."""
    first = {str(name): rows[name].dropna() for name in rows.columns}
    return {name: kept.iloc[0] for name, kept in first.items() if len(kept) and kept.nunique() == 1}


def _distinct(runs: Sequence[ForeignRun], records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids that can name folders; where two runs have one name, their keys are added."""
    wanted = [
        folder_name(str(record.get("run") or run.name))
        for run, record in zip(runs, records, strict=True)
    ]
    names = [
        name if wanted.count(name) == 1 else folder_name(f"{name}-{run.key}")
        for name, run in zip(wanted, runs, strict=True)
    ]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise InputError(f"expected runs with names of their own, got {double!r} twice")
    return names


def _check_seeds(records: Sequence[Mapping[str, Any]], runs: Sequence[ForeignRun]) -> None:
    """Runs of one size need seeds, unless they say that they have none."""
    met: dict[int, str] = {}
    for record, run in zip(records, runs, strict=True):
        if record["seed"] is not None or run.record is not None or "seed" in flat(run.params):
            continue
        if record["size"] in met:
            raise InputError(
                f"expected a seed for every run of size {record['size']}, but {run.name!r} and "
                f"{met[record['size']]!r} have none; name it with --seed KEY or "
                "--run-pattern '…(?P<seed>[0-9]+)…'"
            )
        met[record["size"]] = run.name


def _warn_apart(run: ForeignRun, frame: pd.DataFrame) -> None:
    norms = [name for name in frame if str(name).startswith("log_")]
    metrics = [name for name in METRICS if name in frame]
    together = frame[norms].notna().any(axis=1) & frame[metrics].notna().any(axis=1)
    if norms and metrics and not together.any():
        warnings.warn(
            f"run {run.name!r} of {run.source} never recorded a norm and an error at one step, so "
            "it cannot be fitted; log them at the same steps",
            NormlawsWarning,
            stacklevel=4,
        )


def rows_of(series: Mapping[str, Iterable[tuple[int, float]]]) -> pd.DataFrame:
    """Tags with (step, value) pairs as one table by step; of two values at one step the later."""
    columns = {}
    for tag, pairs in series.items():
        steps, values = zip(*pairs, strict=True)
        column = pd.Series(np.asarray(values, dtype=float), index=np.asarray(steps, dtype=np.int64))
        columns[tag] = column[~column.index.duplicated(keep="last")]
    return pd.DataFrame(columns).sort_index()


def checked_record(value: Any, source: object) -> dict[str, Any]:
    """A record that an export of normlaws left in a foreign run.

    Raises:
        CorruptFileError: it is not one.
    """
    if not isinstance(value, Mapping) or not {"run", "size", "seed"} <= set(value):
        raise CorruptFileError(
            f"expected a record with run, size and seed under {RECORD} in {source}, "
            f"got {str(value)[:60]!r}"
        )
    if value["seed"] is not None and not isinstance(value["seed"], int):
        raise CorruptFileError(
            f"expected a whole number or null as seed under {RECORD} in {source}, "
            f"got {str(value['seed'])[:60]!r}"
        )
    return dict(value)
