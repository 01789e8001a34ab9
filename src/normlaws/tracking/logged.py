"""From the names under which a framework logs to the columns of a curve."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from normlaws.curves import METRICS
from normlaws.curves.names import is_plain, metric_of
from normlaws.errors import InputError, allowed

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

    def read(self, logged: Mapping[str, Any]) -> dict[str, float]:
        """The metrics among ``logged``.

        Raises:
            InputError: a mapped name was not logged, or nothing logged is understood.
        """
        found = self._mapped(logged) if self._columns else _understood(logged)
        if not found:
            raise InputError(
                "expected an evaluation to log a loss, error or accuracy under a name such as "
                f"val_loss or val_acc, got {sorted(logged)}; give metrics={{'val_error': '1 - "
                "my/accuracy'}"
            )
        return found

    def _mapped(self, logged: Mapping[str, Any]) -> dict[str, float]:
        found = {}
        for column, name in self._columns.items():
            complement = _COMPLEMENT.fullmatch(name.strip())
            name = complement[1] if complement else name
            if name not in logged:
                raise InputError(f"expected {name!r} to be logged, got {sorted(logged)}")
            value = float(logged[name])
            found[column] = 1 - value if complement else value
        return found


def _understood(logged: Mapping[str, Any]) -> dict[str, float]:
    """Metrics of held-out splits; an error wins over an accuracy, a plain name over another."""
    metrics = {name: metric_of(name) for name in logged}
    held_out = {name: one for name, one in metrics.items() if one and not one.startswith("train")}
    found: dict[str, float] = {}

    def order(name: str) -> tuple[bool, bool]:
        return held_out[name].endswith("accuracy"), not is_plain(name)

    for name in sorted(held_out, key=order):
        column, value = held_out[name], float(logged[name])
        if column.endswith("accuracy"):
            column, value = column.replace("accuracy", "error"), 1 - value
        found.setdefault(column, value)
    return found
