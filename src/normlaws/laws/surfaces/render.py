"""The constants of a surface as words and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from normlaws.laws.presented import Figures, interval, number

if TYPE_CHECKING:
    from normlaws.laws.surfaces.result import Surface

DIGITS = 6


def figures(found: Surface) -> Figures:
    """Every constant with its interval, and which columns were read as what."""
    rows: list[tuple[str, ...]] = [
        (name, number(one.value, DIGITS), interval(one, DIGITS))
        for name, one in found.constants.items()
    ]
    sources = "Read as: " + ", ".join(f"{k} = {v}" for k, v in found.rows.sources.items()) + "."
    heading = f"{found.family} by {found.fit} ({len(found.rows.loss)} rows)"
    return Figures(heading, ("constant", "value", "95 % interval"), rows, (sources,))


def as_dict(found: Surface) -> dict[str, Any]:
    """The object of ``surface --json``; the optimum is that of the largest compute of the rows."""
    split = found.problem.family.variables == ("params", "tokens")
    compute = float(np.max(found.rows.variables["compute"])) if split else float("nan")
    return {
        "family": found.family,
        "fit": found.fit,
        "constants": {name: one.as_dict() for name, one in found.constants.items()},
        "optimum": found.optimum(compute).as_dict() if split else None,
        "objective": found.objective,
        "converged": found.converged,
        "rms": found.rms,
        "columns": found.rows.sources,
    }
