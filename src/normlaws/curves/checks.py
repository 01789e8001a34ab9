"""What the two tables of ``Curves`` must look like: columns, types, ranges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from normlaws.errors import InputError, allowed, printable

ERRORS = ("train_error", "val_error", "test_error")
"""Columns of errors: fractions in [0, 1]."""
LOSSES = ("train_loss", "val_loss", "test_loss")
"""Columns of losses: nats."""
METRICS = ("train_error", "train_loss", "val_error", "val_loss", "test_error", "test_loss")
"""Errors and losses, split by split."""
STATUSES = ("complete", "unfinished", "diverged", "failed")
"""How a run stands."""

INDEX = {"run": "str", "size": "size", "seed": "Int64", "step": "Int64"}
VALUES = ("epoch", *METRICS, "seconds")
RECORD = ("settings", "versions", "hardware", "code")
SCALE = "scale"  # column of the runs that names what size counts
TRAINING_EXAMPLES = "size"


def checked_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The table of recorded steps, every column there and typed.

    Raises:
        InputError: a required column is missing, an error lies outside [0, 1], or a column is not
            numeric.
    """
    missing = [name for name in INDEX if name not in frame.columns]
    if missing:
        raise InputError(
            f"expected the columns {allowed(INDEX)}, but {allowed(missing)} is missing; "
            f"the columns are {list(frame.columns)}"
        )
    odd = next((name for name in frame.columns if printable(name) != str(name)), None)
    if odd is not None:
        raise InputError(
            f"expected names of columns without control characters, got {printable(odd)!r}"
        )
    filled = frame.reset_index(drop=True).copy()
    for name in VALUES:
        if name not in filled:
            filled[name] = np.nan
    others = [name for name in filled.columns if name not in INDEX]
    try:
        filled["size"] = typed_sizes(filled["size"])
        whole = {name: kind for name, kind in INDEX.items() if name != "size"}
        filled = filled.astype(whole | dict.fromkeys(others, "float64"))
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"expected numeric columns beside run, but {error}") from None
    for name in ERRORS:
        bad = filled.loc[(filled[name] < 0) | (filled[name] > 1), name]
        if len(bad):
            raise InputError(
                f"expected {name} as a fraction in [0, 1], got {bad.iloc[0]:g}; "
                "divide percentages by 100"
            )
    extra = sorted(name for name in others if name not in VALUES)
    return filled[[*INDEX, *VALUES, *extra]]


def checked_runs(frame: pd.DataFrame, runs: pd.DataFrame | None) -> pd.DataFrame:
    """The table of runs; made from ``frame`` where there is none.

    Raises:
        InputError: a run has several sizes or seeds, no record, a record without run, size and
            seed, or an unknown status.
    """
    per_run = frame.groupby("run", sort=False)[["size", "seed"]]
    if (per_run.nunique() > 1).any(axis=None):
        raise InputError("expected one size and one seed per run id, got several under one id")
    if runs is None:
        runs = per_run.first().reset_index()
    runs = _typed_runs(runs.reset_index(drop=True))
    unknown = set(frame["run"].unique()) - set(runs["run"])
    if unknown:
        raise InputError(f"expected a record for every run, but {sorted(unknown)[0]} has none")
    defaults: dict[str, Any] = {"status": "complete", "error": ""}
    for name, value in defaults.items():
        runs[name] = runs[name].fillna(value) if name in runs else value
    for name in RECORD:
        cells = list(runs[name]) if name in runs else [None] * len(runs)
        dicts: list[Any] = [dict(cell) if isinstance(cell, Mapping) else {} for cell in cells]
        runs[name] = dicts
    bad = [status for status in runs["status"] if status not in STATUSES]
    if bad:
        raise InputError(f"expected a status {allowed(STATUSES)}, got {bad[0]!r}")
    scale_of(runs)
    first = ["run", "size", "seed", "status", "error", *RECORD]
    return runs[first + [name for name in runs.columns if name not in first]]


def _typed_runs(runs: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in ("run", "size", "seed") if name not in runs]
    if missing:
        raise InputError(
            f"expected run, size and seed of every run, but {allowed(missing)} is missing"
        )
    try:
        runs = runs.assign(size=typed_sizes(runs["size"]))
        return runs.astype({"run": "str", "seed": "Int64"})
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"expected numbers as size and seed, but {error}") from None


def typed_sizes(sizes: pd.Series) -> pd.Series:
    """Sizes as whole numbers where all of them are, else as floats; none is cut.

    Raises:
        ValueError: a size is missing, infinite or no number.
    """
    if pd.api.types.is_integer_dtype(sizes) or not len(sizes):
        return sizes.astype("int64")
    numbers = pd.to_numeric(sizes).astype("float64")
    if not np.isfinite(numbers).all():
        raise ValueError("a size is missing or infinite")
    whole = (numbers == numbers.round()) & (numbers.abs() < 2**53)
    return numbers.astype("int64") if whole.all() else numbers


def as_size(size: float) -> Any:
    """A size as an ``int`` where it is a whole number, else as a ``float``."""
    return int(size) if float(size).is_integer() else float(size)


def scale_of(runs: pd.DataFrame) -> str:
    """What the sizes of these runs count; ``size`` (training examples) by default.

    Raises:
        InputError: two runs name different things.
    """
    if SCALE not in runs or not len(runs):
        return TRAINING_EXAMPLES
    names = runs[SCALE].fillna(TRAINING_EXAMPLES).astype(str).unique()
    if len(names) > 1:
        raise InputError(f"expected runs whose size counts one thing, got {allowed(sorted(names))}")
    return str(names[0])
