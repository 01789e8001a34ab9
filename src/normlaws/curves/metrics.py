"""Metrics of one's own: what they are measured in, which direction is better, their best value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves.checks import INDEX, METRICS, VALUES
from normlaws.errors import InputError

DECLARED = "metrics"  # the record of a run that says which metrics of one's own it has
GAP = "_gap"
BETTER = ("lower", "higher")


@dataclass(frozen=True)
class Metric:
    """A metric of one's own, such as a success rate, a perplexity or the loss of one layer.

    What is fitted and drawn is the distance from the best value, in a column ``<name>_gap``: the
    laws are about quantities that fall towards zero.

    Attributes:
        unit: what it is measured in; empty for a pure number.
        better: ``"lower"`` or ``"higher"``.
        best: the value that cannot be passed: 0 for a loss, 1 for a perplexity or a success rate.
    """

    unit: str = ""
    better: Literal["lower", "higher"] = "lower"
    best: float = 0.0

    def __post_init__(self) -> None:
        if self.better not in BETTER:
            raise InputError(f"expected better as lower or higher, got {self.better!r}")
        if not np.isfinite(self.best):
            raise InputError(f"expected a finite best value, got {self.best}")

    def gap(self, values: Floats, name: str) -> Floats:
        """Distance of values from the best one. Same shape; NaN stays.

        Raises:
            InputError: a value is better than the best.
        """
        gaps = values - self.best if self.better == "lower" else self.best - values
        if (gaps < 0).any():
            raise InputError(
                f"expected {name} {'at least' if self.better == 'lower' else 'at most'} "
                f"{self.best:g}, its best value, got {values[np.argmax(gaps < 0)]:g}"
            )
        return gaps


def ceiling(metric: str) -> float:
    """The largest value of a metric of curves: 1 for errors, which are fractions."""
    return 1.0 if metric.endswith("error") else np.inf


def check_name(name: str) -> None:
    """Refuse a name that stands for something else already.

    Raises:
        InputError: it does, or it is no name.
    """
    taken = (*INDEX, *VALUES, *METRICS)
    if name in taken or name.startswith("log_") or name.endswith(GAP) or not name.isidentifier():
        raise InputError(
            f"expected a new name for a metric (letters, digits and underscores, not log_…, "
            f"…{GAP} or one of the columns of curves), got {name!r}"
        )


def with_gaps(values: Mapping[str, float], metrics: Mapping[str, Metric]) -> dict[str, float]:
    """Values of a record, and the gaps of those that are declared."""
    gaps = {
        f"{name}{GAP}": float(one.gap(np.array([values[name]]), name)[0])
        for name, one in metrics.items()
        if name in values
    }
    return {**values, **gaps}


def as_record(metrics: Mapping[str, Metric]) -> dict[str, dict[str, Any]]:
    """What a run's record holds of its metrics."""
    return {name: asdict(one) for name, one in metrics.items()}


def declared(runs: pd.DataFrame) -> list[str]:
    """Names of the metrics of their own that any of the runs has, in order."""
    if DECLARED not in runs:
        return []
    held = [cell for cell in runs[DECLARED] if isinstance(cell, Mapping)]
    return list(dict.fromkeys(str(name) for cell in held for name in cell))
