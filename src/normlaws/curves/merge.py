"""Putting curves together: a run counts once, and norms read in different ways do not mix."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from normlaws.errors import InputError, NormlawsWarning

Tables = tuple[pd.DataFrame, pd.DataFrame]

# What an unstated convention is compared with: the defaults of `measure` and `NormMeter`.
DEFAULTS = {
    "conv": "flat",
    "definition": "bartlett",
    "reference": "zero",
    "batch_norm": "not folded",
    "gains": "not counted",
}
PRECISION = "precision"


def merged(parts: Iterable[tuple[str, Tables]]) -> Tables:
    """Frames and records of several sources; a run met twice with the same rows counts once.

    Rows are the same where they differ in nothing but ``seconds``, which a repeated run measures
    anew.

    Args:
        parts: the name of each source, and its tables.

    Raises:
        InputError: two sources hold different curves under one run id, or there is no source.
    """
    first: dict[str, tuple[str, pd.DataFrame]] = {}
    records = []
    for source, (frame, runs) in parts:
        rows_of = dict(list(frame.groupby("run", sort=False)))
        fresh = ~runs["run"].isin(list(first))
        for run in runs["run"]:
            rows = rows_of.get(run, frame.iloc[:0])
            where, kept = first.setdefault(run, (source, rows))
            if kept is not rows and not _same(kept, rows):
                raise InputError(
                    f"expected one curve per run id, got two different ones for {run}"
                    + (f": in {where} and in {source}; leave one out" if where != source else "")
                )
        records.append(runs[fresh])
    if not records:
        raise InputError("expected at least one set of curves to put together, got none")
    frames = [rows for _, rows in first.values()]
    filled = [rows for rows in frames if len(rows)] or frames[:1]
    return pd.concat(filled, ignore_index=True), pd.concat(records, ignore_index=True)


def _same(left: pd.DataFrame, right: pd.DataFrame) -> bool:
    left, right = (
        table.drop(columns="seconds").dropna(axis=1, how="all").reset_index(drop=True)
        for table in (left, right)
    )
    return bool(left.equals(right))


def conventions(record: Mapping[Any, Any]) -> dict[str, str]:
    """What a run's record says about how its norms were read; only what it states.

    Looked for in ``conventions`` (of the record or of its settings), then in the settings
    themselves; ``precision`` also in the training settings of a study.
    """
    settings = _mapping(record.get("settings"))
    places = (
        _mapping(record.get("conventions")),
        _mapping(settings.get("conventions")),
        settings,
        _mapping(settings.get("training")),
    )
    stated: dict[str, str] = {}
    for place in places:
        for name in (*DEFAULTS, PRECISION):
            if isinstance(place.get(name), str | bool):
                stated.setdefault(name, str(place[name]))
    return stated


def check_conventions(runs: pd.DataFrame) -> None:
    """Refuse runs whose norms were read in different ways; say where it may be so.

    Raises:
        InputError: two runs state different conventions, such as flat and operator convolutions.

    Warns:
        NormlawsWarning: runs of different precision, or runs that do not state a convention beside
            runs whose convention is not the default.
    """
    stated = [(row["run"], conventions(row)) for row in runs.to_dict("records")]
    for name, default in DEFAULTS.items():
        seen = _first_runs(stated, name)
        if len(seen) > 1:
            raise InputError(
                f"expected norms that were measured alike, got {name} {_listed(seen)}; "
                "read and fit them apart"
            )
        silent = [run for run, says in stated if name not in says]
        if seen and silent and default not in seen:
            _warn(f"{name} is {_listed(seen)}, but run {silent[0]} does not say what it used")
    precisions = _first_runs(stated, PRECISION)
    if len(precisions) > 1:
        _warn(
            f"runs of different precision are put together: {_listed(precisions)}; "
            "norms may differ by a per cent or two for that alone"
        )


def _first_runs(stated: list[tuple[str, dict[str, str]]], name: str) -> dict[str, str]:
    """Each value that occurs, with the first run that states it."""
    seen: dict[str, str] = {}
    for run, says in stated:
        if name in says:
            seen.setdefault(says[name], run)
    return seen


def _listed(seen: Mapping[str, str]) -> str:
    return " and ".join(f"{value} (run {run})" for value, run in seen.items())


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _warn(message: str) -> None:
    warnings.warn(message, NormlawsWarning, stacklevel=5)
