"""Curves as a card for notebooks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from normlaws.curves.checks import STATUSES, TRAINING_EXAMPLES, scale_of
from normlaws.curves.merge import conventions
from normlaws.curves.names import shown_norm
from normlaws.display import cards as notebook

NONE = "–"


def html(
    frame: pd.DataFrame, runs: pd.DataFrame, norms: Sequence[str], metrics: Sequence[str]
) -> str:
    """One row per size: runs, seeds, how they ended, records, the range of the first norm."""
    norm = shown_norm(norms)
    header = [shown_scale(runs), "runs", "seeds", "ended", "records", "last step"]
    header += [f"log {norm}"] if norm else []
    header += [f"lowest {metric}" for metric in metrics]
    rows = list(_rows(frame, runs, norm, metrics))
    said = notebook.text(
        f"Norms (natural logarithms): {', '.join(norms) or 'none'}. Errors are fractions, losses "
        f"nats. {_conventions(runs)}",
        quiet=True,
    )
    count = len(runs)
    title = f"Curves: {count} {'run' if count == 1 else 'runs'}, {len(frame):,} records"
    numeric = [place for place in range(len(header)) if place != 3]
    return notebook.card(title, notebook.table(header, rows, numeric=numeric), said)


def shown_scale(runs: pd.DataFrame) -> str:
    """The scale variable's name as tables show it: P for training examples."""
    scale = scale_of(runs)
    return "P" if scale == TRAINING_EXAMPLES else scale


def _rows(
    frame: pd.DataFrame, runs: pd.DataFrame, norm: str | None, metrics: Sequence[str]
) -> Iterator[list[str]]:
    by_size = dict(list(frame.groupby("size")))
    for size, records in runs.groupby("size"):
        rows = by_size.get(size, frame.iloc[:0])
        last = rows["step"].max()
        row = [f"{size:,}", str(len(records)), str(records["seed"].nunique() or NONE)]
        row += [_ends(records), f"{len(rows):,}", NONE if pd.isna(last) else f"{last:,}"]
        row += [_span(rows[f"log_{norm}"])] if norm else []
        yield row + [_number(rows[metric].min()) for metric in metrics]


def _ends(records: pd.DataFrame) -> str:
    counts = records["status"].value_counts()
    return ", ".join(f"{counts[name]} {name}" for name in STATUSES if name in counts)


def _span(logs: pd.Series) -> str:
    finite = logs[logs.abs() < math.inf]
    return f"{finite.min():.4g} to {finite.max():.4g}" if len(finite) else NONE


def _number(value: float) -> str:
    return NONE if math.isnan(value) else f"{value:.4g}"


def _conventions(runs: pd.DataFrame) -> str:
    stated: dict[str, set[str]] = {}
    for record in runs.to_dict("records"):
        for name, value in conventions(record).items():
            stated.setdefault(name, set()).add(value)
    words = "; ".join(f"{name} {' and '.join(sorted(v))}" for name, v in stated.items())
    return f"Conventions: {words}." if words else "Conventions of the norms: not stated."
