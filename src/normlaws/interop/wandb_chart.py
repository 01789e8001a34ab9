"""The CSV that a Weights & Biases chart exports: columns ``<run> - <metric>`` by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from normlaws.errors import CorruptFileError
from normlaws.interop.foreign import series_of

_BETWEEN = " - "
_BOUNDS = ("__MIN", "__MAX")


def is_chart(frame: pd.DataFrame) -> bool:
    """Whether every column but the first is of the form ``<run> - <metric>``."""
    names = list(map(str, frame.columns))
    return len(names) > 1 and all(_BETWEEN in name for name in names[1:])


def runs(charts: Mapping[Path, pd.DataFrame]) -> Iterator[tuple[str, dict[str, pd.Series]]]:
    """The runs of several charts, the metrics of each by step.

    Raises:
        CorruptFileError: the first column of a chart holds no whole steps.
    """
    found: dict[str, dict[str, pd.Series]] = {}
    for path, frame in charts.items():
        steps = pd.to_numeric(frame.iloc[:, 0], errors="coerce")
        if steps.isna().any() or (steps % 1 != 0).any():
            raise CorruptFileError(
                f"expected whole steps in the first column of {path}, got something else; export "
                "the chart with Step as its x-axis"
            )
        for column in map(str, frame.columns[1:]):
            if column.endswith(_BOUNDS):
                continue
            name, _, metric = column.rpartition(_BETWEEN)
            values = pd.to_numeric(frame[column], errors="coerce").astype(float).dropna()
            if len(values):
                pairs = zip(steps[values.index], values, strict=True)
                found.setdefault(name, {})[metric] = series_of(pairs)
    yield from found.items()
