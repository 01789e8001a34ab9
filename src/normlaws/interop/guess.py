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
IN_FULL = {"train": "training", "val": "validation", "test": "test"}
NAMED = 8  # columns that a message names
_ADJECTIVE = re.compile(r"^(final|best|min|max|lowest|last)_")
_OF_LIGHTNING = re.compile(r"_(epoch|step)$")  # the mean of an epoch comes before single steps
_TOP5 = re.compile(r"(?<![a-z0-9])(top|acc)_?5(?![0-9])")
_BARE = {
    "error", "err", "error_rate", "loss", "accuracy", "acc", "top1", "nll", "cross_entropy",
    "top1_error", "top1_err", "top1_accuracy", "top1_acc", "acc1",
}  # fmt: skip


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
    :func:`normlaws.curves.names.metric_of`, and errors or accuracies above 1 are percentages. A
    bare ``error``, ``loss`` or ``accuracy`` is that of the training set beside ``val_error`` and
    the like (as Keras writes them), of the validation set where other metrics are of that set and
    none is of the test set (as fastai writes them), else of the test set; which one is said. A
    top-5 error counts where there is no top-1 error. What ``given`` maps stays.

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
    metrics, assumed = _metrics([name for name in free if name not in found.values()], found)
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
    says += [f"{name} is taken for that of the {IN_FULL[of]} set" for name, of in assumed.items()]
    return Guess(replace(columns, percent=(*given.percent, *percent)), tuple(says))


def _first(names: list[str], usual: Iterable[str]) -> str | None:
    plain = {_plain(name): name for name in reversed(names)}
    return next((plain[_plain(one)] for one in usual if _plain(one) in plain), None)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _metrics(names: list[str], found: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """{our name: their column} of errors, losses and accuracies, plain names first.

    The second is {their column: split} of those that name no split.
    """
    out: dict[str, str] = {}
    assumed: dict[str, str] = {}
    plain = set(map(_plain, names))
    for name in sorted(names, key=_rank):
        word = _OF_LIGHTNING.sub("", _ADJECTIVE.sub("", _top1(_plain(name))))
        ours, split = metric_of(word), ""
        if ours is None and word in _BARE:
            split = _split_of(word, plain)
            ours = metric_of(f"{split}_{word}")
        named = ours == name and ours not in ACCURACIES
        if ours is None or named or _stored(ours) in map(_stored, (*out, *found)):
            continue
        if _stored(ours) not in names:
            out[ours] = name
            assumed |= {name: split} if split else {}
    return out, assumed


def _rank(name: str) -> tuple[bool, bool, bool]:
    """Sorts a top-5 error, another word and a single step's value behind what they stand for."""
    return bool(_TOP5.search(_plain(name))), not is_plain(name), name.endswith("_step")


def _top1(word: str) -> str:
    """A top-5 error or accuracy by the name of the top-1 error."""
    return _TOP5.sub(lambda found: f"{found[1]}1", word)


def _split_of(word: str, plain: set[str]) -> str:
    """The split that a metric without one belongs to, by the columns beside it."""
    if f"val_{word}" in plain:
        return "train"
    splits = {ours.partition("_")[0] for name in plain if (ours := metric_of(name))}
    return "val" if "val" in splits and "test" not in splits else "test"


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
