"""A fit as text, HTML and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from normlaws.display import cards as notebook
from normlaws.display.exponents import EXPONENTS
from normlaws.laws.result import Estimate

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


def summary(laws: Laws) -> str:
    """A table of text."""
    head = f"{laws.metric} against log {laws.norm}"
    lines = [head, "-" * len(head)]
    lines += [f"{s:<11}{v:>8}  {i:<18}  {m}" for s, v, i, m in rows(laws)]
    lines += [f"{'collapse':<11}{laws.collapse:>8.2f}  {'':<18}  spread over seed noise"]
    lines += ["", *finding_lines(laws), "", laws.verdict.text]
    lines += [f"Next: {step}." for step in laws.verdict.next_steps]
    return "\n".join(lines)


FINDINGS = ("finding", "figure", "95 % interval", "established within", "grade")


def finding_rows(laws: Laws) -> list[tuple[str, str, str, str, str]]:
    """Question, figure, interval, bounds and grade of every finding."""
    return [
        (
            one.question,
            f"{one.figure.value:.3g}",
            interval(one.figure),
            _bounds(*one.established),
            one.grade,
        )
        for one in laws.verdict.findings
    ]


def finding_lines(laws: Laws) -> list[str]:
    """The findings as lines of text."""
    return [
        f"{grade:<13}{question:<66}{value:>8}  {span:<18}  {bounds}"
        for question, value, span, bounds, grade in finding_rows(laws)
    ]


def _bounds(low: float, high: float) -> str:
    if high == float("inf"):
        return f"≥ {low:.3g}"
    return f"{low:.3g} … {high:.3g}"


def html(laws: Laws) -> str:
    """A card for notebooks: exponents with intervals, verdict, next steps, conventions."""
    cells = [*rows(laws), ("collapse", f"{laws.collapse:.2f}", "–", "spread over seed noise")]
    header = ("exponent", "value", "95 % interval", "meaning")
    return notebook.card(
        f"{laws.metric} against {laws.norm}",
        notebook.table(header, cells, numeric=(1, 2)),
        notebook.text(laws.verdict.text),
        notebook.table(FINDINGS, finding_rows(laws), numeric=(1, 2)),
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
        "verdict": laws.verdict.text,
        "grade": laws.verdict.grade,
        "codes": list(laws.verdict.codes),
        "findings": [one.as_dict() for one in laws.verdict.findings],
        "next_steps": list(laws.verdict.next_steps),
        "norm": laws.norm,
        "metric": laws.metric,
        "early_window": None if laws.early_window is None else list(laws.early_window),
    }
