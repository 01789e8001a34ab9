"""Long-format tables of your own (CSV, Parquet or JSON) as ``Curves``."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning, allowed
from normlaws.interop.columns import NUMBERED, ColumnMap, as_column_map
from normlaws.interop.foreign import warn_apart
from normlaws.interop.guess import SIZES, guess_columns
from normlaws.interop.identity import Identity
from normlaws.interop.tabular import read_frame
from normlaws.interop.variables import note_text, numeric_and_text, per_run, run_names
from normlaws.storage.reading import reads

MAX_COLUMNS = 2000
_KEPT = ("run", "status", "size", "seed", "step")


@reads("a table")
def read_table(
    path: str | Path,
    columns: ColumnMap | Mapping[str, str] | None = None,
    identity: Identity | None = None,
    *,
    guess: bool = False,
) -> Curves:
    """Read one row per (run, recorded step), or one row per run, with names of your own.

    Args:
        path: a ``.csv``, ``.tsv``, ``.parquet`` or ``.jsonl`` file, or a ``.json`` file with a list
            of flat objects.
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
        guess: whether columns that ``columns`` leaves open are taken for what their names say
            (``n_train`` for the size, ``acc`` for the test accuracy, …); a warning says how.

    A table without norms, steps or another progress column has one run per row.

    Raises:
        DataNotFoundError: there is no such file.
        CorruptFileError: the file cannot be read as its ending says.
        InputError: another ending, more than :data:`MAX_COLUMNS` columns, a mapped column is not
            there, a norm is negative, an accuracy no fraction, a number of training examples below
            1, or the table is not one of curves.

    Warns:
        NormlawsWarning: columns of text that are ignored (those with one value per run are kept in
            ``runs``), runs that no column tells apart, or several rows of one step.
    """
    path = Path(path)
    wanted = as_column_map(columns)
    frame = read_frame(path, (wanted.columns.get("run", "run"),))
    if len(frame.columns) > MAX_COLUMNS:
        raise InputError(
            f"expected a table of at most {MAX_COLUMNS:,} columns at {path}, got "
            f"{len(frame.columns):,}; write those that are needed into a table of their own"
        )
    if guess:
        wanted = _guessed(frame, wanted, path)
    frame = _renamed(frame, wanted, path)
    if identity is not None:
        frame = _from_names(frame, identity, path)
    if "size" not in frame:
        raise InputError(
            f"expected a column size in {path}, or one named otherwise with --column size=NAME; it "
            f"has {allowed(frame.columns)}"
        )
    for name in ("seed", "step"):
        if name not in frame:
            frame[name] = pd.NA
    scale = wanted.columns.get("size")
    frame["size"] = _sizes(frame["size"], scale is None or scale in SIZES, path)
    frame, text = numeric_and_text(frame, _KEPT)
    if "run" not in frame:
        frame["run"] = run_names(frame)
    if len(frame) and frame["step"].notna().all():
        frame = _by_step(frame, path)
    for run, rows in frame.groupby("run", sort=False) if frame.isna().any(axis=None) else ():
        warn_apart(run, path, rows)
    variables = per_run(frame, text)
    note_text(text, variables, path)
    runs = _runs(frame, variables, scale)
    return Curves(frame.drop(columns=[*text, "status"], errors="ignore"), runs)


def _guessed(frame: pd.DataFrame, wanted: ColumnMap, path: Path) -> ColumnMap:
    found = guess_columns(frame, wanted)
    if found.says:
        warnings.warn(
            f"columns of {path} read as {'; '.join(found.says)} (say otherwise with "
            "--column NAME=THEIRS)",
            NormlawsWarning,
            stacklevel=3,
        )
    return found.columns


_UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9}
_WITH_UNIT = re.compile(r"\s*([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*([kmbg]?)\s*", re.IGNORECASE)


def _sizes(sizes: pd.Series, examples: bool, path: Path) -> pd.Series:
    """Sizes as numbers, ``50k`` and ``1.5M`` too; numbers of training examples are 1 or more."""
    if not pd.api.types.is_numeric_dtype(sizes):
        sizes = sizes.map(lambda size: _number(size, path))
    low = sizes.min()
    if examples and len(sizes) and low < 1:
        raise InputError(
            f"expected numbers of training examples, 1 or more, as size in {path}, got {low:g}; "
            "shares of a data set have to be multiplied by its size, and another scale variable "
            "is named with --column size=ITS_NAME"
        )
    return sizes


def _number(size: object, path: Path) -> float:
    found = _WITH_UNIT.fullmatch(str(size))
    if found is None:
        raise InputError(
            f"expected a number as size in {path}, such as 50000 or 50k, got {str(size)[:40]!r}"
        )
    return float(found[1]) * _UNITS[found[2].lower()]


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
    if scale is not None and scale not in SIZES:
        runs["scale"] = scale
    return runs
