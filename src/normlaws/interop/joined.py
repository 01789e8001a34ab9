"""Metrics by step, out of whatever a training logged, to be joined with norms from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from normlaws.curves import METRICS
from normlaws.errors import InputError, allowed
from normlaws.interop.columns import ColumnMap
from normlaws.interop.tabular import read_frame

_STEPS = ("step", "global_step", "_step", "trainer/global_step", "train/global_step")


def metrics_by_step(path: Path, columns: ColumnMap | None = None) -> dict[int, dict[str, float]]:
    """Step -> {metric: value}, of one training.

    Args:
        path: ``trainer_state.json``, or a ``.csv``, ``.tsv``, ``.parquet``, ``.jsonl`` or
            ``.json`` table.
        columns: what its columns are, where names are not the usual ones.

    Raises:
        InputError: no column of steps, or no metric.
        DataNotFoundError: there is no such file.
        CorruptFileError: it cannot be read.
    """
    columns = columns or ColumnMap()
    frame = read_frame(path)
    step = next((name for name in _STEPS if name in frame), None)
    if step is None:
        raise InputError(
            f"expected a column {allowed(_STEPS)} in {path}; it has {allowed(map(str, frame))}"
        )
    found: dict[int, dict[str, float]] = {}
    for ours, theirs in columns.find(map(str, frame.columns)).items():
        stored, values = columns.convert(ours, frame[theirs], path)
        if stored not in METRICS and stored != "epoch":
            continue
        for at, value in zip(pd.to_numeric(frame[step], errors="coerce"), values, strict=True):
            if pd.notna(at) and pd.notna(value) and float(at).is_integer():
                found.setdefault(int(at), {})[stored] = float(value)
    if not any(set(row) - {"epoch"} for row in found.values()):
        raise InputError(f"expected a metric such as val_loss or eval_accuracy in {path}, got none")
    return found
