"""Tables of what was run: how it ended, with which settings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from normlaws.curves import STATUSES, Curves, as_size
from normlaws.display.numbers import NONE, count, power, significant
from normlaws.report.page import Table
from normlaws.report.scales import words

if TYPE_CHECKING:
    from normlaws.laws import Laws

_ROWS_IN_VIEW = 24
_VALUES_IN_VIEW = 12


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """Rows with their columns as attributes."""
    yield from table.itertuples(index=False)


def run_counts(curves: Curves) -> Table:
    """How many runs of each size came to which end, of those that occur."""
    runs = curves.runs
    occurring = [status for status in STATUSES if (runs["status"] == status).any()]
    rows = [
        (
            count(size),
            count(len(of_size)),
            *(count(int((of_size["status"] == status).sum())) for status in occurring),
        )
        for size, of_size in _by_size(runs)
    ]
    header = ("P", "runs", *occurring)
    return Table("Runs of every size, by how they ended", header, rows, numeric=range(len(header)))


def troubled_runs(curves: Curves) -> Table | None:
    """The runs that did not complete, with what they said; ``None`` where all did."""
    runs = curves.runs[curves.runs["status"] != "complete"]
    last = curves.frame.groupby("run")["step"].max()
    rows = [
        (row.run, count(row.size), _seed(row.seed), row.status, _whole(last.get(row.run)),
         row.error or NONE)
        for row in rows_of(runs)
    ]  # fmt: skip
    header = ("run", "P", "seed", "status", "last recorded step", "message")
    return Table("Runs that did not complete", header, rows, numeric=(1, 2, 4)) if rows else None


def all_runs(curves: Curves, laws: Laws | None, metric: str) -> Table:
    """Every run, by size and seed, with its last value and, where fitted, its optimum."""
    ends = curves.frame.groupby("run").agg(records=("size", "size"), step=("step", "max"))
    final = curves.frame.groupby("run")[metric].last()
    found: dict[Any, Any] = {}
    if laws is not None:
        found = laws.optima.set_index("run").to_dict("index")
    rows = []
    for row in rows_of(curves.runs.sort_values(["size", "seed"], kind="stable")):
        end = ends.loc[row.run] if row.run in ends.index else {"records": 0, "step": None}
        best: Mapping[str, Any] = found.get(row.run, {})
        rows.append((
            row.run, count(row.size), _seed(row.seed), row.status, count(end["records"]),
            _whole(end["step"]), significant(final.get(row.run)), significant(best.get("error")),
            power(best.get("log_norm")), _used(best),
        ))  # fmt: skip
    header = (
        "run", "P", "seed", "status", "records", "last step", f"last {words(metric)}",
        f"lowest {words(metric)}", "stopping norm", "in the fit",
    )  # fmt: skip
    caption = f"All {len(rows)} runs"
    return Table(
        caption, header, rows, numeric=(1, 2, 4, 5, 6, 7, 8), folded=len(rows) > _ROWS_IN_VIEW
    )


def records(caption: str, cells: Iterable[Mapping[str, Any]]) -> Table | None:
    """Settings (or versions, hardware, code) of all runs: one value, or the several that occur."""
    seen: dict[str, dict[str, Any]] = {}
    for cell in cells:
        for name, value in _flat(cell):
            seen.setdefault(name, {})[_plain(value)] = value
    rows = [(name, _several(values)) for name, values in sorted(seen.items())]
    return Table(caption, ("name", "value"), rows, wide=False) if rows else None


def _flat(cell: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings under dotted names."""
    for name, value in cell.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _several(values: Mapping[str, Any]) -> str:
    """The different values, numbers in their order."""
    numbers = all(isinstance(value, int | float) for value in values.values())
    shown = sorted(values, key=lambda word: values[word]) if numbers else list(values)
    if len(shown) <= _VALUES_IN_VIEW:
        return "; ".join(shown)
    return f"{'; '.join(shown[:_VALUES_IN_VIEW])}; … ({len(shown)} different values)"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _by_size(runs: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    for size in sorted(as_size(size) for size in runs["size"].unique()):
        yield size, runs[runs["size"] == size]


def _seed(seed: Any) -> str:
    return NONE if pd.isna(seed) else str(int(seed))


def _whole(value: Any) -> str:
    return NONE if value is None or pd.isna(value) else count(float(value))


def _used(best: Mapping[str, Any]) -> str:
    if not best:
        return NONE
    flag = "yes" if best.get("used") else "no"
    return f"{flag}, still falling" if best.get("censored") else flag
