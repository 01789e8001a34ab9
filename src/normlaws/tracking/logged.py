"""From the names under which a framework logs to the columns of a curve."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping
from typing import Any

from normlaws.curves import METRICS
from normlaws.curves.names import is_plain, metric_of
from normlaws.errors import InputError, NormlawsWarning, allowed

_COMPLEMENT = re.compile(r"1\s*[-−]\s*(.+)")


class LoggedNames:
    """Finds the metrics of a curve among what was logged.

    Without a map, names such as ``val_loss``, ``eval/accuracy`` or ``test_err`` are understood, as
    :func:`normlaws.curves.names.metric_of` says. What was averaged over a training epoch is left
    out: the weights moved meanwhile.

    Args:
        columns: column of the curve -> logged name, or ``"1 - name"`` for an accuracy.

    Raises:
        InputError: a column is not one of the six metrics.
    """

    def __init__(self, columns: Mapping[str, str] | None = None) -> None:
        unknown = [name for name in columns or {} if name not in METRICS]
        if unknown:
            raise InputError(
                f"expected a map from {allowed(METRICS)} to logged names, got {unknown[0]!r}"
            )
        self._columns = dict(columns or {})
        self._set: str | None = None  # the evaluation set that is followed
        self._logged: set[str] = set()
        self._met: set[str] = set()
        self._said: set[str] = set()

    def read(self, logged: Mapping[str, Any]) -> dict[str, float]:
        """The metrics among ``logged``; empty, and said once, where there are none.

        A training with several evaluation sets logs them one after the other, or all under names
        that hold the set. The set that is logged first counts, unless the map names another.

        Warns:
            NormlawsWarning: nothing is understood, or one of several sets was taken.
        """
        if self._columns:
            return self._mapped(logged)
        found = _understood(logged) or self._followed(logged)
        if not found and self._set is None:
            self._say(
                "expected an evaluation to log a loss, error or accuracy under a name such as "
                f"val_loss or val_acc, got {sorted(logged)}; nothing of it is recorded, give "
                "metrics={'val_error': '1 - my/accuracy'}"
            )
        return found

    def finish(self) -> None:
        """At the end of the training: say which names of the map no evaluation has logged.

        Warns:
            NormlawsWarning: there are some.
        """
        missing = [name for name in self._columns.values() if name not in self._met]
        if self._logged and missing:
            self._say(
                f"expected {missing[0]!r} to be logged, got {sorted(self._logged)}; nothing of it "
                "is recorded"
            )

    def _mapped(self, logged: Mapping[str, Any]) -> dict[str, float]:
        found = {}
        self._logged |= set(logged)
        for column, said in self._columns.items():
            complement = _COMPLEMENT.fullmatch(said.strip())
            name = complement[1] if complement else said
            if name in logged:
                self._met.add(said)
                value = _number(logged[name])
                found[column] = 1 - value if complement else value
        return found

    def _followed(self, logged: Mapping[str, Any]) -> dict[str, float]:
        """The metrics of the one evaluation set that is followed, under plain names."""
        sets: dict[str, dict[str, Any]] = {}
        for name, value in logged.items():
            which, plain = _of_a_set(name)
            if plain:
                sets.setdefault(which, {})[plain] = value
        if self._set is None and sets:
            self._set = next(iter(sets))
            self._say(
                f"the training names its evaluation sets; the metrics of {self._set!r} are "
                "recorded, and metrics= chooses those of another"
            )
        return _understood(sets.get(self._set or "", {}))

    def _say(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            warnings.warn(message, NormlawsWarning, stacklevel=6)


_LOADER = re.compile(r"(.+)/(dataloader_idx_\d+)")


def _of_a_set(name: str) -> tuple[str, str]:
    """Evaluation set and plain name of ``eval_a_loss`` or ``val_loss/dataloader_idx_0``.

    Two empty strings where there is none.
    """
    loader = _LOADER.fullmatch(name)
    if loader and metric_of(loader[1]):
        return loader[2], loader[1]
    first, *words = re.split(r"[_/.]", name)
    for cut in range(1, len(words)):
        plain = "_".join((first, *words[cut:]))
        if metric_of(plain):
            return "_".join(words[:cut]), plain
    return "", ""


def _number(value: Any) -> float:
    """A scalar, whatever holds it; NaN for what is none."""
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        return math.nan


def _understood(logged: Mapping[str, Any]) -> dict[str, float]:
    """Metrics of held-out splits; an error wins over an accuracy, a plain name over another."""
    metrics = {name: metric_of(name) for name in logged}
    held_out = {name: one for name, one in metrics.items() if one and not one.startswith("train")}
    found: dict[str, float] = {}

    def order(name: str) -> tuple[bool, bool]:
        return held_out[name].endswith("accuracy"), not is_plain(name)

    for name in sorted(held_out, key=order):
        column, value = held_out[name], _number(logged[name])
        if column.endswith("accuracy"):
            column, value = column.replace("accuracy", "error"), 1 - value
        found.setdefault(column, value)
    return found
