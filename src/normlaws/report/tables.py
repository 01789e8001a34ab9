"""The report's tables, from laws and curves."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from normlaws.curves import STATUSES, Curves
from normlaws.report.numbers import NONE, count, fixed, interval, power, significant
from normlaws.report.page import Table
from normlaws.report.scales import words

if TYPE_CHECKING:
    from normlaws.laws import Laws

_MEANINGS = (
    ("gamma", "γ", "direct: the lowest error falls as P to the power −γ"),
    ("gamma1", "γ₁", "early law: the error falls as λ to the power −γ₁"),
    ("gamma0", "γ₀", "early law: its height falls as P to the power −γ₀; 0 where all P share it"),
    ("gamma2", "γ₂", "late law: the norm at the optimum grows as P to the power γ₂"),
    ("product", "γ₀ + γ₁·γ₂", "predicted from the two laws; to be compared with γ"),
    ("difference", "γ₀ + γ₁·γ₂ − γ", "the test of the two laws: 0 where they explain γ"),
)
_MANY = 24


def exponents(laws: Laws) -> Table:
    """The exponents with their 95\u00a0% intervals, and the quality of the collapse."""
    rows = []
    for name, symbol, meaning in _MEANINGS:
        estimate = getattr(laws, name)
        rows.append((symbol, fixed(estimate.value), interval(estimate), meaning))
    meaning = "spread of the rescaled curves over their seed noise; near 1 is a full collapse"
    rows.append(("collapse", significant(laws.collapse), NONE, meaning))
    return Table(
        "Exponents of the two laws",
        ("exponent", "estimate", "95\u00a0% interval", "meaning"),
        rows,
        numeric=(1, 2),
    )


def optima(laws: Laws) -> Table:
    """Error and norm at the optimum of every size."""
    rows = [
        (
            count(row.size), count(row.n_seeds),
            significant(row.error), _range(row.error_low, row.error_high, significant),
            power(row.log_norm), _range(row.log_norm_low, row.log_norm_high, power),
            count(row.n_censored), "yes" if row.used else "no",
        )
        for row in _rows(laws.sizes)
    ]  # fmt: skip
    header = (
        "P", "seeds", f"lowest {words(laws.metric)}", "interval", "norm there", "interval",
        "still falling", "in the fit",
    )  # fmt: skip
    return Table("The optimum of every size", header, rows, numeric=range(7))


def forecasts(laws: Laws) -> Table:
    """Forecast at sizes beyond the largest."""
    largest = int(laws.sizes["size"].max())
    rows = [
        (
            count(found.size),
            significant(found.error.value), interval(found.error, significant),
            power(found.log_norm.value), interval(found.log_norm, power),
        )
        for found in laws.forecast([factor * largest for factor in (2, 4, 10)])
    ]  # fmt: skip
    header = (
        "P",
        f"lowest {words(laws.metric)}",
        "95\u00a0% interval",
        "norm to stop at",
        "95\u00a0% interval",
    )
    return Table("Forecast for more data", header, rows, numeric=range(5))


def frame(caption: str, data: pd.DataFrame) -> Table:
    """Any table of results, numbers with three digits."""
    data = data if isinstance(data.index, pd.RangeIndex) else data.reset_index()
    numeric = [i for i, kind in enumerate(data.dtypes) if pd.api.types.is_numeric_dtype(kind)]
    rows = [[_cell(value) for value in row] for row in data.itertuples(index=False)]
    return Table(caption, [words(str(name)) for name in data.columns], rows, numeric=numeric)


def run_counts(curves: Curves) -> Table:
    """How many runs of each size came to which end."""
    runs = curves.runs
    rows = [
        (
            count(size),
            count(len(of_size)),
            *(count(int((of_size["status"] == s).sum())) for s in STATUSES),
        )
        for size, of_size in _by_size(runs)
    ]
    header = ("P", "runs", *STATUSES)
    return Table("Runs of every size, by how they ended", header, rows, numeric=range(len(header)))


def troubled_runs(curves: Curves) -> Table | None:
    """The runs that did not complete, with what they said; ``None`` where all did."""
    runs = curves.runs[curves.runs["status"] != "complete"]
    last = curves.frame.groupby("run")["step"].max()
    rows = [
        (row.run, count(row.size), _seed(row.seed), row.status, _whole(last.get(row.run)),
         row.error or NONE)
        for row in _rows(runs)
    ]  # fmt: skip
    header = ("run", "P", "seed", "status", "last recorded step", "message")
    return Table("Runs that did not complete", header, rows, numeric=(1, 2, 4)) if rows else None


def all_runs(curves: Curves, laws: Laws | None, metric: str) -> Table:
    """Every run with its last value and, where fitted, its optimum."""
    ends = curves.frame.groupby("run").agg(records=("size", "size"), step=("step", "max"))
    final = curves.frame.groupby("run")[metric].last()
    found: dict[Any, Any] = {}
    if laws is not None:
        found = laws.optima.set_index("run").to_dict("index")
    rows = []
    for row in _rows(curves.runs):
        end = ends.loc[row.run] if row.run in ends.index else {"records": 0, "step": None}
        best: Mapping[str, Any] = found.get(row.run, {})
        rows.append((
            row.run, count(row.size), _seed(row.seed), row.status, count(end["records"]),
            _whole(end["step"]), significant(final.get(row.run)), significant(best.get("error")),
            power(best.get("log_norm")), _used(best),
        ))  # fmt: skip
    header = (
        "run", "P", "seed", "status", "records", "last step", f"last {words(metric)}",
        f"lowest {words(metric)}", "norm there", "in the fit",
    )  # fmt: skip
    caption = f"All {len(rows)} runs"
    return Table(caption, header, rows, numeric=(1, 2, 4, 5, 6, 7, 8), folded=len(rows) > _MANY)


def records(caption: str, cells: Iterable[Mapping[str, Any]]) -> Table | None:
    """Settings (or versions, hardware, code) of all runs: one value, or the several that occur."""
    seen: dict[str, dict[str, Any]] = {}
    for cell in cells:
        for name, value in _flat(cell):
            seen.setdefault(name, {})[_plain(value)] = value
    rows = [(name, _several(values)) for name, values in sorted(seen.items())]
    return Table(caption, ("name", "value"), rows, wide=False) if rows else None


def _rows(table: pd.DataFrame) -> Iterator[Any]:
    """Rows with their columns as attributes."""
    yield from table.itertuples(index=False)


def _by_size(runs: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    for size in sorted(int(size) for size in runs["size"].unique()):
        yield size, runs[runs["size"] == size]


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
    if len(shown) <= _MANY // 2:
        return "; ".join(shown)
    return f"{'; '.join(shown[: _MANY // 2])}; … ({len(shown)} different values)"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return significant(value)
    return NONE if value is None or value is pd.NA else words(str(value))


def _range(low: float, high: float, write: Any) -> str:
    known = low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
    return f"{write(low)} to {write(high)}" if known else NONE


def _seed(seed: Any) -> str:
    return NONE if pd.isna(seed) else str(int(seed))


def _whole(value: Any) -> str:
    return NONE if value is None or pd.isna(value) else count(float(value))


def _used(best: Mapping[str, Any]) -> str:
    if not best:
        return NONE
    flag = "yes" if best.get("used") else "no"
    return f"{flag}, still falling" if best.get("censored") else flag
