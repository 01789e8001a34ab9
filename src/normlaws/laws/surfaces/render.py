"""A surface as text, HTML and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from normlaws.display import cards

if TYPE_CHECKING:
    from normlaws.laws.surfaces.result import Surface


def rows(found: Surface) -> list[tuple[str, str, str]]:
    """Name, value and 95 % interval of every constant."""
    return [
        (name, f"{one.value:.6g}", _interval(one.low, one.high))
        for name, one in found.constants.items()
    ]


def one_line(found: Surface) -> str:
    """Every constant on one line."""
    return ", ".join(f"{name} = {value} {span}" for name, value, span in rows(found))


def summary(found: Surface) -> str:
    """A table of text."""
    head = f"{found.family} by {found.fit} ({len(found.rows.loss)} rows)"
    lines = [head, "-" * len(head)]
    lines += [f"{name:<10}{value:>14}  {span}" for name, value, span in rows(found)]
    lines += ["", _sources(found), found.verdict.text]
    lines += [f"Next: {step}." for step in found.verdict.next_steps]
    return "\n".join(lines)


def html(found: Surface) -> str:
    """A card for notebooks."""
    return cards.card(
        f"{found.family} by {found.fit}",
        cards.table(("constant", "value", "95 % interval"), rows(found), numeric=(1, 2)),
        cards.text(found.verdict.text),
        *(cards.text(f"Next: {step}.") for step in found.verdict.next_steps),
        cards.text(_sources(found), quiet=True),
    )


def as_dict(found: Surface) -> dict[str, Any]:
    """The object of ``surface --json``; the optimum is that of the largest compute of the rows."""
    split = found.problem.family.variables == ("params", "tokens")
    compute = float(np.max(found.rows.variables["compute"])) if split else float("nan")
    return {
        "family": found.family,
        "fit": found.fit,
        "constants": {name: one.as_dict() for name, one in found.constants.items()},
        "optimum": found.optimum(compute).as_dict() if split else None,
        "verdict": found.verdict.text,
        "codes": list(found.verdict.codes),
        "next_steps": list(found.verdict.next_steps),
        "objective": found.objective,
        "converged": found.converged,
        "rms": found.rms,
        "columns": found.rows.sources,
    }


def _sources(found: Surface) -> str:
    """Which columns were read as what."""
    return "Read as: " + ", ".join(f"{k} = {v}" for k, v in found.rows.sources.items()) + "."


def _interval(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"[{low:.6g}, {high:.6g}]"
