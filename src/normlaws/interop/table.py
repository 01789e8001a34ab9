"""Long-format tables of one's own (CSV, Parquet or JSON lines) as ``Curves``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning, allowed
from normlaws.interop.columns import NUMBERED, ColumnMap, as_column_map
from normlaws.interop.identity import SIZE_KEYS, Identity
from normlaws.interop.tabular import read_frame
from normlaws.interop.variables import note_text, numeric_and_text, per_run, run_names
from normlaws.storage.reading import reads

_KEPT = ("run", "status", "size", "seed", "step")


@reads("a table")
def read_table(
    path: str | Path,
    columns: ColumnMap | Mapping[str, str] | None = None,
    identity: Identity | None = None,
) -> Curves:
    """Read one row per (run, recorded step), with names of one's own.

    Args:
        path: a ``.csv``, ``.parquet`` or ``.jsonl`` file.
        columns: {name in ``Curves``: name in the file}, for example ``{"size": "n_train",
            "test_error": "err", "log_spectral_complexity": "log_R"}``. Mapping to a norm without
            its ``log_`` (``{"spectral_complexity": "R"}``) takes the natural logarithm, mapping to
            ``test_accuracy`` stores 1 − accuracy. Columns not named keep their names; ``seed`` and
            ``step`` may be absent; ``run`` is made from size, seed and whatever else labels runs
            where absent. ``size`` may be any scale variable (``{"size": "params"}``), which is then
            shown under its own name. Columns with one value per run are kept in ``runs``, too.
            Where there are steps, rows are sorted by them, and rows of one run and step are joined;
            of two values of one column the later counts.
            A :class:`ColumnMap` also says which of them are percentages.
        identity: whose ``run_pattern`` reads size and seed from the column ``run``.

    Raises:
        DataNotFoundError: there is no such file.
        CorruptFileError: the file cannot be read as its ending says.
        InputError: another ending, a mapped column is not there, a norm is negative, an accuracy no
            fraction, or the table is not one of curves.

    Warns:
        NormlawsWarning: columns of text (kept in ``runs`` where they have one value per run,
            ignored otherwise), runs that no column tells apart, or several rows of one step.
    """
    path = Path(path)
    wanted = as_column_map(columns)
    frame = read_frame(path, (wanted.columns.get("run", "run"),))
    frame = _renamed(frame, wanted, path)
    if identity is not None:
        frame = _from_names(frame, identity, path)
    for name in ("seed", "step"):
        if name not in frame:
            frame[name] = pd.NA
    if "size" not in frame:
        raise InputError(f"expected a column size in {path}; it has {allowed(frame.columns)}")
    frame, text = numeric_and_text(frame, _KEPT)
    if "run" not in frame:
        frame["run"] = run_names(frame)
    if len(frame) and frame["step"].notna().all():
        frame = _by_step(frame, path)
    variables = per_run(frame, text)
    note_text(text, variables, path)
    runs = _runs(frame, variables, wanted.columns.get("size"))
    return Curves(frame.drop(columns=[*text, "status"], errors="ignore"), runs)


def _by_step(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """One row per run and step, in the order of steps: rows apart are joined, later values win."""
    keys = ["run", "step"]
    doubled = frame.duplicated(keys, keep=False)
    if doubled.any():
        groups = frame[doubled].groupby(keys, sort=False)
        differing = groups.nunique(dropna=True).gt(1).any(axis=1).sum()
        if differing:
            warnings.warn(
                f"{path} holds several rows with different values at {differing} steps of a run; "
                "the last row counts",
                NormlawsWarning,
                stacklevel=4,
            )
        columns = frame.columns
        frame = frame.groupby(keys, sort=False, as_index=False).last()[columns]
    place = {run: index for index, run in enumerate(frame["run"].unique())}
    order = frame.assign(place=frame["run"].map(place)).sort_values(
        ["place", "step"], kind="stable"
    )
    return frame.loc[order.index].reset_index(drop=True)


def _renamed(frame: pd.DataFrame, wanted: ColumnMap, path: Path) -> pd.DataFrame:
    """The mapped columns under our names and on our scales, the others as they are."""
    wanted.check_present(map(str, frame.columns), path)
    kept = frame.drop(columns=list(wanted.columns.values()))
    for ours, theirs in wanted.columns.items():
        if ours in NUMBERED:
            kept[ours] = frame[theirs]
        else:
            name, values = wanted.convert(ours, frame[theirs], path)
            kept[name] = values
    for name in set(wanted.percent) - set(wanted.columns):
        if name not in kept:
            raise InputError(f"expected a column {name} in {path} to convert from percent")
        stored, values = wanted.convert(name, kept.pop(name), path)
        kept[stored] = values
    return kept


def _from_names(frame: pd.DataFrame, identity: Identity, path: Path) -> pd.DataFrame:
    if "run" not in frame:
        raise InputError(f"expected a column run in {path} to match a pattern with; map one")
    names = frame["run"].astype(str)
    for what, find in (("size", identity.size), ("seed", identity.seed)):
        if what not in frame:
            found = {name: find(name, {}, path) for name in names.unique()}
            frame[what] = names.map(found)
    return frame


def _runs(frame: pd.DataFrame, variables: list[str], scale: str | None) -> pd.DataFrame:
    """Records of the runs: how they ended, where the table says so, and their variables."""
    ended = ["status"] if "status" in frame else []
    groups = frame[["run", "size", "seed", *ended, *variables]].groupby("run", sort=False)
    runs = groups.last().reset_index()
    if scale is not None and scale not in SIZE_KEYS:
        runs["scale"] = scale
    return runs
