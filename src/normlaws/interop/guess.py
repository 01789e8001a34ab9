"""What the columns of a stranger's table most likely are, so that a table can be read at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from normlaws.curves.names import is_plain, metric_of
from normlaws.interop.columns import ACCURACIES, PERCENT, ColumnMap
from normlaws.interop.identity import SEED_KEYS, SIZE_KEYS

SIZES = (
    *SIZE_KEYS, "training_set_size", "train_set_size", "training_size", "dataset_size",
    "data_size", "num_train_examples", "train_examples", "training_examples", "num_examples",
    "n_examples", "train_samples", "training_samples", "num_samples", "n_samples", "samples",
    "examples", "n",
)  # fmt: skip
SCALES = ("params", "parameters", "n_params", "num_params", "tokens", "width", "compute", "flops")
SEEDS = (*SEED_KEYS, "replicate", "rep", "repeat", "trial", "fold")
STEPS = ("step", "global_step", "iteration", "iter")
NAMED = 8  # columns that a message names
_ADJECTIVE = re.compile(r"^(final|best|min|max|lowest|last)_")
_OF_LIGHTNING = re.compile(r"_(epoch|step)$")  # the mean of an epoch comes before single steps
_BARE = {"error", "err", "error_rate", "loss", "accuracy", "acc", "top1", "nll", "cross_entropy"}


@dataclass(frozen=True)
class Guess:
    """Columns by what they seem to be.

    Attributes:
        columns: the map for ``read_table``.
        says: one phrase for every column that was not already named as in ``Curves``, and one for
            those that stay as they are.
    """

    columns: ColumnMap
    says: tuple[str, ...]


def guess_columns(frame: pd.DataFrame, given: ColumnMap) -> Guess:
    """Complete a map of columns from the table's own names and ranges.

    Sizes, seeds and steps go by their usual names, metrics by
    :func:`normlaws.curves.names.metric_of`, a bare ``error``, ``loss`` or ``accuracy`` is that of
    the test set (of the training set beside ``val_loss`` and the like, as Keras writes them), and
    errors or accuracies above 1 are percentages. What ``given`` maps stays.

    Args:
        frame: the table as read.
        given: what the user said.
    """
    taken, found = set(given.columns.values()), dict(given.columns)
    free = [str(name) for name in frame.columns if name not in taken]
    for ours, usual in (("size", (*SIZES, *SCALES)), ("seed", SEEDS), ("step", STEPS)):
        theirs = None if ours in found else _first(free, usual)
        if theirs is not None and theirs != ours:
            found[ours] = theirs
    metrics = _metrics([name for name in free if name not in found.values()], found)
    columns = ColumnMap(found | metrics, given.percent)
    percent = _percentages(frame, columns)
    says = [_said(ours, theirs, percent) for ours, theirs in columns.columns.items()]
    says = [
        one for one, ours in zip(says, columns.columns, strict=True) if ours not in given.columns
    ]
    says += [f"{name} is in percent" for name in percent if name not in columns.columns]
    kept = [str(name) for name in frame.columns if name not in columns.columns.values()]
    if says and kept:
        more = f" and {len(kept) - NAMED} more" if len(kept) > NAMED else ""
        says.append(f"{', '.join(kept[:NAMED])}{more} as named")
    return Guess(replace(columns, percent=(*given.percent, *percent)), tuple(says))


def _first(names: list[str], usual: Iterable[str]) -> str | None:
    plain = {_plain(name): name for name in reversed(names)}
    return next((plain[_plain(one)] for one in usual if _plain(one) in plain), None)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _metrics(names: list[str], found: dict[str, str]) -> dict[str, str]:
    """{our name: their column} of errors, losses and accuracies, plain names first."""
    out: dict[str, str] = {}
    plain = set(map(_plain, names))
    for name in sorted(names, key=lambda one: (not is_plain(one), one.endswith("_step"))):
        word = _OF_LIGHTNING.sub("", _ADJECTIVE.sub("", _plain(name)))
        of_a_split = f"{'train' if f'val_{word}' in plain else 'test'}_{word}"
        ours = metric_of(word) or (metric_of(of_a_split) if word in _BARE else None)
        named = ours == name and ours not in ACCURACIES
        if ours is None or named or _stored(ours) in map(_stored, (*out, *found)):
            continue
        if _stored(ours) not in names:
            out[ours] = name
    return out


def _stored(name: str) -> str:
    return ACCURACIES.get(name, name)


def _percentages(frame: pd.DataFrame, columns: ColumnMap) -> tuple[str, ...]:
    """Errors and accuracies whose values go beyond 1 and not beyond 100."""
    theirs = {name: name for name in PERCENT if name in frame} | dict(columns.columns)
    found = []
    for ours, name in theirs.items():
        if ours not in PERCENT or ours in columns.percent:
            continue
        values = pd.to_numeric(frame[name], errors="coerce")
        if 1 < values.max() <= 100:
            found.append(ours)
    return tuple(found)


def _said(ours: str, theirs: str, percent: tuple[str, ...]) -> str:
    value = f"{theirs}/100" if ours in percent else theirs
    return f"{ACCURACIES[ours]} = 1 − {value}" if ours in ACCURACIES else f"{ours} = {value}"
