"""A fit as text, HTML and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from normlaws.display import cards as notebook
from normlaws.display.columns import columns, wrapped
from normlaws.display.exponents import EXPONENTS
from normlaws.display.numbers import NONE, significant
from normlaws.display.numbers import interval as spanned
from normlaws.laws.clocks import clock_sentence
from normlaws.laws.headline import NAMES, headline
from normlaws.laws.result import Estimate, Finding

if TYPE_CHECKING:
    from normlaws.laws.fitting import Laws

SHOWN = ("gamma", "gamma0", "gamma1", "gamma2", "product")


def rows(laws: Laws) -> list[tuple[str, str, str, str]]:
    """Symbol, value, 95 % interval and meaning of every exponent."""
    return [
        (one.symbol, f"{(found := getattr(laws, name)).value:.3f}", interval(found), one.meaning)
        for name in SHOWN
        for one in [EXPONENTS[name]]
    ]


def interval(found: Estimate) -> str:
    """``[low, high]``, or a dash where nothing could be resampled."""
    if found.low is None or found.high is None:
        return "–"
    return f"[{found.low:.3f}, {found.high:.3f}]"


def one_line(laws: Laws) -> str:
    """Every exponent on one line."""
    return ", ".join(f"{symbol} = {value} {span}" for symbol, value, span, _ in rows(laws))


def summary(laws: Laws, width: int | None = None) -> str:
    """The headline, the exponents, the findings and the verdict as text."""
    head = f"{laws.metric} against log {laws.norm}"
    lines = [head, "-" * len(head), *wrapped(headline(laws), width), ""]
    exponents = [*rows(laws), ("collapse", f"{laws.collapse:.2f}", "", "spread over seed noise")]
    lines += columns((), exponents, width, right=(1,))
    findings = [row[:-1] for row in finding_rows(laws)]
    lines += ["", *columns(FINDINGS[:-1], findings, width, spare=(6, 5, 4))]
    lines += ["", *wrapped(laws.verdict.text, width)]
    lines += wrapped("\n".join(f"Next: {step}." for step in laws.verdict.next_steps), width)
    return "\n".join(lines)


FINDINGS = (
    "finding", "answer", "figure", "95 % interval", "established", "contradicted", "power",
    "question and figure",
)  # fmt: skip
FINDING_NUMBERS = (2, 3, 6)


def finding_rows(laws: Laws) -> list[tuple[str, ...]]:
    """Cells of every finding, in the columns of ``FINDINGS``."""
    return [
        (
            NAMES[one.name],
            one.grade,
            significant(one.figure.value),
            spanned(one.figure, significant),
            _within(*one.established),
            _beyond(*one.contradicted),
            _power(one),
            f"{one.question} Figure: {one.figure_means}.",
        )
        for one in laws.verdict.findings
    ]


def _power(one: Finding) -> str:
    return NONE if one.power is None else f"{100 * one.power:.0f}\u00a0%"


def _within(low: float, high: float) -> str:
    """``"≥ 0.5"``, ``"≤ 0.035"``, ``"± 0.2"``, ``"0.667 to 1.5"``."""
    if np.isinf(high):
        return f"≥ {low:.3g}"
    if low == 0:
        return f"≤ {high:.3g}"
    return f"± {high:.3g}" if low == -high else f"{low:.3g} to {high:.3g}"


def _beyond(low: float, high: float) -> str:
    """``"< 0.35"``, ``"> 0.06"``, ``"beyond ± 0.1"``, ``"< 0.556, > 1.8"``."""
    if np.isinf(high):
        return f"< {low:.3g}"
    if low == 0:
        return f"> {high:.3g}"
    return f"beyond ± {high:.3g}" if low == -high else f"< {low:.3g}, > {high:.3g}"


CLOCKS = ("clock", "common share", "slope change", "collapse")
CLOCK_NUMBERS = (1, 2, 3)
CLOCKS_MEAN = (
    "Common share: how much of their fall sizes do on one curve (1 is all). Slope change: slope of "
    "that curve at its end over its beginning (1 is a power law). Collapse: spread of the rescaled "
    "curves over their fall (0 is perfect)."
)


def clock_rows(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Cells of ``laws.clocks()``, in the columns of ``CLOCKS``."""
    return [
        (
            str(row.clock).replace("_", " "),
            significant(row.common_share),
            significant(row.slope_change),
            NONE if np.isnan(row.collapse) else f"{100 * row.collapse:.1f}\u00a0%",
        )
        for row in table.itertuples(index=False)
    ]


def clock_text(laws: Laws, width: int | None = None) -> str:
    """The laws along every recorded clock as a table of text, and what it says in a sentence."""
    table = laws.clocks()
    said = wrapped(clock_sentence(table), width)
    return "\n".join([*columns(CLOCKS, clock_rows(table), width), *said])


def html(laws: Laws) -> str:
    """A card for notebooks: exponents with intervals, verdict, next steps, conventions."""
    cells = [*rows(laws), ("collapse", f"{laws.collapse:.2f}", "–", "spread over seed noise")]
    header = ("exponent", "value", "95 % interval", "meaning")
    return notebook.card(
        f"{laws.metric} against {laws.norm}",
        notebook.table(header, cells, numeric=(1, 2)),
        notebook.text(headline(laws)),
        notebook.text(laws.verdict.text),
        notebook.table(FINDINGS, finding_rows(laws), numeric=FINDING_NUMBERS),
        *(notebook.text(f"Next: {step}.") for step in laws.verdict.next_steps),
        notebook.text(_conventions(laws), quiet=True),
    )


def _conventions(laws: Laws) -> str:
    """What was read how, in one line."""
    chosen = sorted(set(laws.optima["selected_on"].astype(str)))
    sizes, seeds = laws.sizes["size"], laws.optima["seed"].nunique()
    count = f"{len(sizes)} sizes from P = {sizes.min():,} to {sizes.max():,}"
    source = (
        f"intervals from resampling {seeds} seeds"
        if laws.gamma.low is not None
        else ("no intervals: too few seeds to resample")
    )
    return (
        f"{count}; {source}; optimum selected on {' or '.join(chosen)} and scored on "
        f"{laws.metric}; the norm as its natural logarithm."
    )


def as_dict(laws: Laws) -> dict[str, Any]:
    """The object of ``fit --json``."""
    exponents = {name: getattr(laws, name).as_dict() for name in SHOWN}
    return exponents | {
        "collapse": laws.collapse,
        "headline": headline(laws),
        "verdict": laws.verdict.text,
        "grade": laws.verdict.grade,
        "codes": list(laws.verdict.codes),
        "findings": [one.as_dict() for one in laws.verdict.findings],
        "next_steps": list(laws.verdict.next_steps),
        "norm": laws.norm,
        "metric": laws.metric,
        "early_window": None if laws.early_window is None else list(laws.early_window),
    }
