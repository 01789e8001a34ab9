"""Runs as another program kept them, and how they become ``Curves``."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from normlaws.curves import METRICS, Curves
from normlaws.errors import CorruptFileError, InputError, NormlawsWarning, allowed
from normlaws.interop.columns import ColumnMap
from normlaws.interop.identity import Identity, flat, folder_name
from normlaws.storage.reading import check_unfolded, json_value

_TAGS_NAMED = 20
_NUMBER = 8  # bytes
RECORD = "normlaws.record"
EXACT = "normlaws.exact/"  # prefix of a tag whose values stand in double precision as well
BESIDE = {"epoch", "seconds"}  # columns that make no record of their own


@dataclass(frozen=True)
class ForeignRun:
    """One run, before anything in it has been understood.

    Attributes:
        name: as its program shows it; sizes and seeds may stand in it.
        key: what tells it from others of the same name.
        source: file or folder, for messages.
        series: for each tag its values, indexed by step, in order, one value a step.
        params: parameters or configuration, possibly nested.
        status: a status of ``Curves``.
        record: the run's record, where normlaws itself exported it.
    """

    name: str
    key: str
    source: str
    series: Mapping[str, pd.Series]
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
    misplaced = sorted(set(columns.columns) & {"run", "size", "seed", "step"})
    if misplaced:
        raise InputError(
            f"expected columns of norms, errors and losses, got {misplaced[0]}; sizes and seeds "
            "are named with --size KEY and --seed KEY, or read from names with --run-pattern"
        )
    tags = sorted({tag for run in runs for tag in run.series})
    columns.check_present(tags, source)
    found = [(run, columns.find(run.series)) for run in runs]
    useful = [(run, tags_of) for run, tags_of in found if set(tags_of) - BESIDE]
    if not useful:
        raise InputError(
            f"expected tags such as norm/log_spectral_complexity/global and val/loss in {source}, "
            f"got {allowed(tags[:_TAGS_NAMED] or ['none'])}; name them with --column NAME=TAG"
        )
    _check_form(useful, source)
    parts = [_one(run, found, columns, identity) for run, found in useful]
    names = _distinct([run for run, _ in useful], [record for _, record in parts])
    _check_seeds([record for _, record in parts], [run for run, _ in useful])
    named = [
        (frame.assign(run=name), {**record, "run": name})
        for name, (frame, record) in zip(names, parts, strict=True)
    ]
    named.sort(key=_order)  # stores list runs by random ids or by the second they began
    frames = pd.concat([frame for frame, _ in named], ignore_index=True)
    return Curves(frames, pd.DataFrame([record for _, record in named]))


def _check_form(useful: Sequence[tuple[ForeignRun, Mapping[str, str]]], source: object) -> None:
    """Refuse runs that are mostly holes once every step has a row and every tag a column."""
    names = {name for _, found in useful for name in found}
    rows = values = 0
    for run, found in useful:
        series = [run.series[tag] for tag in found.values()]
        rows += len(set().union(*(one.index for one in series)))
        values += sum(len(one) for one in series)
    check_unfolded(_NUMBER * rows * len(names), _NUMBER * values, "a table of curves", source)


def _order(part: tuple[pd.DataFrame, dict[str, Any]]) -> tuple[int, int, str]:
    _, record = part
    return record["size"], -1 if record["seed"] is None else record["seed"], record["run"]


def _one(
    run: ForeignRun, found: Mapping[str, str], columns: ColumnMap, identity: Identity
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Table and record of one run; its id is still to be made."""
    converted = dict(
        columns.convert(ours, run.series[tag], run.source) for ours, tag in found.items()
    )
    steps = _steps([values for name, values in converted.items() if name not in BESIDE])
    frame = pd.DataFrame({name: values.reindex(steps) for name, values in converted.items()})
    record = _record(run, identity)
    step = pd.array(steps.to_numpy(), dtype="Int64")
    if run.record is not None and run.record.get("steps") == "order":
        step = pd.array([pd.NA] * len(frame), dtype="Int64")
    seed = pd.array([record["seed"]] * len(frame), dtype="Int64")
    warn_apart(run.name, run.source, frame)
    return frame.reset_index(drop=True).assign(size=record["size"], seed=seed, step=step), record


def _steps(series: Sequence[pd.Series]) -> pd.Index:
    """Every step at which one of the series has a value, NaN among them."""
    steps = series[0].index
    for other in series[1:]:
        steps = steps.union(other.index)
    return steps.sort_values()


def _record(run: ForeignRun, identity: Identity) -> dict[str, Any]:
    if run.record is not None:
        kept = {name: value for name, value in run.record.items() if name != "steps"}
        size, seed = identity.size(run.name, kept, run.source), kept.get("seed")
        return {**kept, "size": size, "seed": None if seed is None else int(seed)}
    params = flat(run.params)
    values = {**_constants(run.series), **params}
    return {
        "size": identity.size(run.name, values, run.source),
        "seed": identity.seed(run.name, values, run.source),
        "status": run.status,
        "settings": params,
    }


def _constants(series: Mapping[str, pd.Series]) -> dict[str, Any]:
    """Tags that hold one value along the whole run."""
    kept = {tag: values.dropna() for tag, values in series.items()}
    return {tag: v.iloc[0] for tag, v in kept.items() if len(v) and v.nunique() == 1}


def _distinct(runs: Sequence[ForeignRun], records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids that can name folders; where two runs have one name, their keys are added."""
    wanted = [
        folder_name(str(record.get("run") or run.name))
        for run, record in zip(runs, records, strict=True)
    ]
    counts = Counter(wanted)
    names = [
        name if counts[name] == 1 else folder_name(f"{name}-{run.key}")
        for name, run in zip(wanted, runs, strict=True)
    ]
    double = next((name for name, count in Counter(names).items() if count > 1), None)
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


def warn_apart(name: object, source: object, frame: pd.DataFrame) -> None:
    """Say that a run has no row with a norm and a metric, and so cannot be fitted."""
    norms = [name for name in frame if str(name).startswith("log_")]
    metrics = [name for name in METRICS if name in frame]
    together = frame[norms].notna().any(axis=1) & frame[metrics].notna().any(axis=1)
    if norms and metrics and not together.any():
        warnings.warn(
            f"run {name!r} of {source} never recorded a norm and an error at one step, so "
            "it cannot be fitted; log them at the same steps",
            NormlawsWarning,
            stacklevel=4,
        )


def series_of(pairs: Iterable[tuple[int, float]]) -> pd.Series:
    """Values by step, in order; of two at one step the later."""
    steps, values = zip(*pairs, strict=True)
    series = pd.Series(np.asarray(values, dtype=float), index=np.asarray(steps, dtype=np.int64))
    return series[~series.index.duplicated(keep="last")].sort_index()


def record_from(text: str | bytes, source: object) -> dict[str, Any]:
    """The record in its JSON form, UTF-8.

    Raises:
        CorruptFileError: it is not one.
    """
    value = json_value(text, f"JSON under {RECORD}", source)
    return checked_record(value, source)


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
