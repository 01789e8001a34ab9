"""Tables of what was fitted: exponents, optima, forecasts, and their robustness."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from normlaws.curves import as_size
from normlaws.display.exponents import EXPONENTS
from normlaws.display.numbers import NONE, count, fixed, interval, power, significant, size_needed
from normlaws.laws.clocks import clock_sentence
from normlaws.laws.render import (
    CLOCK_NUMBERS,
    CLOCKS,
    FINDING_NUMBERS,
    FINDINGS,
    clock_rows,
    finding_rows,
)
from normlaws.laws.result import bounds_text
from normlaws.report.page import Table
from normlaws.report.run_tables import rows_of
from normlaws.report.scales import words

if TYPE_CHECKING:
    from normlaws.laws import Estimate, Laws

_SHOWN = ("gamma", "gamma1", "gamma0", "gamma2", "product", "difference")
_SIGNS = re.compile("([<>≤≥±]) ")
_INTERVAL = "95\u00a0% interval"


def exponents(laws: Laws) -> Table:
    """The exponents with their 95 % intervals, and the quality of the collapse."""
    rows = []
    for name in _SHOWN:
        estimate, shown = getattr(laws, name), EXPONENTS[name]
        rows.append((shown.typeset, fixed(estimate.value), interval(estimate), shown.law))
    meaning = "spread of the rescaled curves, plateau included, over their seed noise"
    rows.append(("collapse", significant(laws.collapse), NONE, meaning))
    return Table(
        "Exponents of the two laws",
        ("exponent", "estimate", _INTERVAL, "meaning"),
        rows,
        numeric=(1, 2),
    )


def findings(laws: Laws) -> Table:
    """What was asked of the curves: answer, figure, interval, bounds and power of every finding."""
    return Table(
        "Findings: the laws are established where every answer is, contradicted where one is",
        FINDINGS,
        [tuple(map(_bound, row)) for row in finding_rows(laws)],
        numeric=FINDING_NUMBERS,
        stacked=True,
    )


def _bound(cell: str) -> str:
    """Signs do not part from their numbers at the end of a line."""
    return _SIGNS.sub("\\1\u00a0", cell)


def clocks(laws: Laws) -> tuple[Table, str]:
    """The figures of the laws along every recorded clock, and whether the norm beats the step."""
    table = laws.clocks()
    caption = f"Clocks: the same curves of {words(laws.metric)} along other quantities"
    return Table(caption, CLOCKS, clock_rows(table), numeric=CLOCK_NUMBERS), clock_sentence(table)


def optima(laws: Laws) -> Table:
    """Error and norm at the optimum of every size."""
    rows = [
        (
            count(row.size), count(row.n_seeds),
            significant(row.error), _range(row.error_low, row.error_high, significant),
            power(row.log_norm), _range(row.log_norm_low, row.log_norm_high, power),
            count(row.n_censored), "yes" if row.used else "no",
        )
        for row in rows_of(laws.sizes)
    ]  # fmt: skip
    header = (
        "P", "seeds", f"lowest {words(laws.metric)}", _INTERVAL, "stopping norm", _INTERVAL,
        "still falling", "in the fit",
    )  # fmt: skip
    return Table("The optimum of every size", header, rows, numeric=range(7))


def forecasts(laws: Laws) -> tuple[Table, str]:
    """Forecast at sizes beyond the largest, and which of its errors are bounds (or nothing)."""
    largest = as_size(laws.sizes["size"].max())
    ahead = laws.forecast([factor * largest for factor in (2, 4, 10)])
    rows = [
        (
            count(found.size),
            found.error_text(), interval(found.error, significant),
            power(found.log_norm.value), interval(found.log_norm, power),
        )
        for found in ahead
    ]  # fmt: skip
    header = (
        "P",
        f"lowest {words(laws.metric)}",
        _INTERVAL,
        "stopping norm",
        _INTERVAL,
    )
    return Table("Forecast for more data", header, rows, numeric=range(5)), bounds_text(ahead)


def needed(laws: Laws) -> Table | None:
    """Training examples that lower errors would take; ``None`` where no error is positive."""
    positive = laws.sizes.loc[laws.sizes["error"] > 0, "error"]
    if positive.empty:
        return None
    best, rows = float(positive.min()), []
    for factor, name in ((2, "half"), (4, "a quarter of"), (10, "a tenth of")):
        found = laws.size_for_error(best / factor)
        rows.append((significant(best / factor), f"{name} the lowest so far", *_reach(found)))
    header = (words(laws.metric), "that is", "P needed", _INTERVAL)
    return Table("Examples needed for a lower error", header, rows, numeric=(0, 2, 3))


def _reach(found: Estimate) -> tuple[str, str]:
    if math.isnan(found.value):
        return NONE, NONE
    if found.low is None or found.high is None:
        return size_needed(found.value), NONE
    return size_needed(found.value), f"{size_needed(found.low)} to {size_needed(found.high)}"


def estimators(laws: Laws) -> Table:
    """The exponents by the three ways of estimating them, side by side."""
    collapse = dict(zip(("gamma", "gamma2"), laws.collapse_exponents(), strict=True))
    rows = []
    for name in ("gamma", "gamma1", "gamma0", "gamma2"):
        joint = getattr(laws.crossover, name) if laws.crossover else None
        by_collapse = (
            (fixed(collapse[name].value), interval(collapse[name]))
            if name in collapse
            else (NONE, NONE)
        )
        rows.append(
            (EXPONENTS[name].typeset, fixed(getattr(laws, name).value), fixed(joint), *by_collapse)
        )
    header = ("exponent", "reported", "joint crossover fit", "best collapse", _INTERVAL)
    caption = "The same exponents by other estimators"
    return Table(caption, header, rows, numeric=(1, 2, 3, 4))


def windows(laws: Laws) -> Table:
    """γ₁ and γ₀ in the chosen early window and in its neighbours."""
    rows = [
        (
            f"{power(row.low)} to {power(row.high)}",
            fixed(row.gamma1), fixed(row.gamma0), significant(row.scatter),
            "yes" if row.chosen else "",
        )
        for row in rows_of(laws.window_table().dropna(subset=["gamma1"]))
    ]  # fmt: skip
    header = ("window of norms", "γ₁", "γ₀", "scatter in ln error", "chosen")
    caption = "How the early exponents move with the window"
    return Table(caption, header, rows, numeric=(1, 2, 3), folded=True)


def influence(laws: Laws) -> Table:
    """The exponents with one size left out at a time."""
    names = ("gamma", "gamma1", "gamma0", "gamma2", "product")
    rows = [
        (count(row.size) if row.size else "none", *(fixed(getattr(row, name)) for name in names))
        for row in rows_of(laws.influence())
    ]
    header = ("P left out", *(EXPONENTS[name].typeset for name in names))
    caption = "How the exponents move when one size is left out"
    return Table(caption, header, rows, numeric=range(6), folded=True)


def baselines(laws: Laws) -> Table:
    """Laws of the lowest error against P, with their errors within and beyond the sizes."""
    rows = [
        (words(row.name), significant(row.in_sample), significant(row.backtest),
         _parameters(row.parameters))
        for row in rows_of(laws.baselines())
    ]  # fmt: skip
    header = ("model", "fit error", "back-test error", "parameters")
    caption = "Extrapolations of the lowest error, side by side"
    return Table(caption, header, rows, numeric=(1, 2))


def _parameters(values: Mapping[str, float]) -> str:
    finite = {name: value for name, value in values.items() if math.isfinite(value)}
    return ", ".join(f"{words(name)} {significant(value)}" for name, value in finite.items())


def _range(low: float, high: float, write: Any) -> str:
    known = low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
    return f"{write(low)} to {write(high)}" if known else NONE
