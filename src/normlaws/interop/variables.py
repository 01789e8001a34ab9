"""What a foreign table says besides metrics and norms: per-run variables, text, runs told apart."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable

import pandas as pd

from normlaws.curves import METRICS
from normlaws.curves.names import metric_of
from normlaws.errors import NormlawsWarning, allowed

PROGRESS = ("step", "epoch", "tokens", "examples", "compute", "flops", "iteration", "iter")
_OURS = ("run", "size", "seed", "status", "error", "settings", "versions", "hardware", "code")
_RECORDS = 3  # a run has more rows than this, on average: a column that splits further is no label


def numeric_and_text(frame: pd.DataFrame, keep: Iterable[str]) -> tuple[pd.DataFrame, list[str]]:
    """The table with every column that can be read as numbers read so, and the names of the rest.

    Args:
        frame: a table.
        keep: columns that are left as they are.
    """
    typed, text = frame.copy(), []
    for name in (name for name in frame.columns if name not in set(keep)):
        values = frame[name]
        if pd.api.types.is_bool_dtype(values):
            typed[name] = values.astype(float)
        elif not pd.api.types.is_numeric_dtype(values):
            try:
                typed[name] = pd.to_numeric(values)
            except (TypeError, ValueError):
                typed[name] = values.astype("string")
                text.append(str(name))
    return typed, text


def run_names(frame: pd.DataFrame) -> pd.Series:
    """A name for the run of every row, where the table has none: from size, seed and what differs.

    Two rows at the same place of one size and seed cannot belong to one run, unless each fills what
    the other leaves empty, as loggers write training and validation. Other columns that
    are labels (schedule, learning rate, planned tokens) tell them apart; where none does, a new run
    begins wherever progress starts again. Rows without progress and without norms are final values:
    each is a run.

    Warns:
        NormlawsWarning: runs had to be told apart by where their progress starts again.
    """
    names = pd.Series(
        [_named(size, seed) for size, seed in zip(frame["size"], frame["seed"], strict=True)],
        index=frame.index,
    )
    order = next((name for name in PROGRESS if name in frame and frame[name].notna().all()), None)
    if order is None:
        followed = any(str(name).startswith("log_") for name in frame)
        return names if followed else _one_each(names)
    labels = _labels(frame, order)
    if _complete_one_another(frame, names, order):
        return names
    while _doubled(names, frame[order]):
        better = _best_label(frame, names, order, labels)
        if better is None:
            return _restarts(names, frame[order])
        labels.remove(better)
        names = names + "-" + better + frame[better].map(_word)
    return names


def _complete_one_another(frame: pd.DataFrame, names: pd.Series, order: str) -> bool:
    """Whether rows at one place of a run never hold two values of one column."""
    places = pd.DataFrame({"run": names, "at": frame[order]})
    doubled = places.duplicated(keep=False)
    if not doubled.any():
        return False
    others = frame.loc[doubled, [name for name in frame if name not in ("size", "seed", order)]]
    keys = places[doubled]
    filled = others.notna().groupby([keys["run"], keys["at"]], sort=False).sum()
    return bool((filled <= 1).all(axis=None) or _agree(others, keys))


def _agree(others: pd.DataFrame, keys: pd.DataFrame) -> bool:
    """The same where a value is repeated, and at least one column has gaps."""
    if not others.isna().any(axis=None):
        return False
    different = others.groupby([keys["run"], keys["at"]], sort=False).nunique()
    return bool((different <= 1).all(axis=None))


def _one_each(names: pd.Series) -> pd.Series:
    """A run for every row: the second of one name gets a number."""
    place = names.groupby(names).cumcount()
    return names.where(place == 0, names + "-" + (place + 1).astype(str))


def per_run(frame: pd.DataFrame, text: Iterable[str]) -> list[str]:
    """Columns with one value per run, other than those that every table of runs has.

    Args:
        frame: a table with a column ``run``.
        text: columns that are no numbers.
    """
    text = set(text)
    measured = {*PROGRESS, *METRICS, "seconds", *_OURS}
    candidates = [
        name
        for name in frame.columns
        if name in text or (name not in measured and not str(name).startswith("log_"))
    ]
    varied = frame.groupby("run", sort=False)[candidates].nunique(dropna=False).max()
    return [name for name in candidates if varied[name] <= 1]


def note_text(text: Iterable[str], kept: Iterable[str], path: object) -> None:
    """Say which columns of text were ignored; those with one value per run are kept with it."""
    ignored = [name for name in text if name not in set(kept)]
    if ignored:
        warnings.warn(
            f"columns of text in {path}: {allowed_all(ignored)} ignored, since they have several "
            "values in a run",
            NormlawsWarning,
            stacklevel=3,
        )


def allowed_all(names: list[str]) -> str:
    """Names joined for a sentence."""
    return allowed(names).replace(" or ", " and ")


def _named(size: float, seed: object) -> str:
    whole = f"{int(size)}" if float(size).is_integer() else f"{size:.12g}"
    return f"P{whole}" + ("" if pd.isna(seed) else f"-s{seed:g}")


def _labels(frame: pd.DataFrame, order: str) -> list[str]:
    """Columns that may label runs: no metric, no norm, and few values."""
    measured = {order, *PROGRESS, *METRICS, "seconds", "size", "seed", "status"}
    found = []
    for name in frame.columns:
        if name in measured or str(name).startswith("log_") or metric_of(_plain(str(name))):
            continue
        if frame[name].nunique(dropna=False) * _RECORDS <= len(frame):
            found.append(str(name))
    return found


def _plain(name: str) -> str:
    """Without what Lightning adds to the names of means and single steps."""
    return name.removesuffix("_epoch").removesuffix("_step")


def _doubled(names: pd.Series, order: pd.Series) -> int:
    return int(pd.DataFrame({"run": names, "at": order}).duplicated().sum())


def _best_label(frame: pd.DataFrame, names: pd.Series, order: str, labels: list[str]) -> str | None:
    """The label that leaves the fewest doubled rows; of several, the one that makes fewest runs."""
    before, scored = _doubled(names, frame[order]), []
    for label in labels:
        split = names + "-" + frame[label].map(_word)
        runs = split.nunique()
        left = _doubled(split, frame[order])
        if left < before and runs * _RECORDS <= len(frame):
            scored.append((left, runs, label))
    return min(scored)[2] if scored else None


def _word(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return re.sub(r"[/\\:\x00-\x1f]+", "-", text)


def _restarts(names: pd.Series, order: pd.Series) -> pd.Series:
    groups = order.groupby(names, sort=False)
    fallen = (groups.diff() < 0) & (order <= groups.transform("min"))
    part = fallen.groupby(names, sort=False).cumsum()
    if fallen.any():
        warnings.warn(
            f"no column tells runs of one size and seed apart, so a new run begins wherever "
            f"{order.name} starts again ({int(fallen.sum())} times); "
            "map one with --column run=NAME",
            NormlawsWarning,
            stacklevel=4,
        )
    return names.where(part == 0, names + "-" + part.astype(str))
