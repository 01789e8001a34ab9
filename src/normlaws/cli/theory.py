"""``normlaws theory``: the solvable perceptron, one point or the whole report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from normlaws.cli import app

FIXED_NORM = "fixed-norm"


@app.command("theory")
def theory(
    alpha: Annotated[
        float | None, typer.Option(help="Training examples per input dimension, P/N.")
    ] = None,
    norm: Annotated[
        float | None, typer.Option(help="The student's norm; needed by the rule fixed-norm only.")
    ] = None,
    rule: Annotated[
        str,
        typer.Option(
            help="fixed-norm, hebb, pseudo-inverse, max-stability, adatron, gibbs, bayes or "
            "perceptron."
        ),
    ] = FIXED_NORM,
    flip: Annotated[float, typer.Option(help="Probability that a training label is wrong.")] = 0.0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object alone.")] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="HTML file to write: theory, simulation and descent compared."),
    ] = None,
) -> None:
    """Solve the teacher–student perceptron, or write its report."""
    if report is not None:
        _check_alone(alpha, norm, json)
        from normlaws.report.solved.perceptron import write_perceptron_page
        from normlaws.theory import study

        typer.echo(str(write_perceptron_page(study(flip_probability=flip), report)))
        return
    values = solve(alpha, norm, rule, flip)
    if json:
        from normlaws.cli._output import print_json

        print_json(values)
        return
    from normlaws.cli._output import print_table

    print_table("Teacher–student perceptron", list(values), [list(values.values())])


def _check_alone(alpha: float | None, norm: float | None, json: bool) -> None:
    from normlaws.errors import InputError

    if alpha is not None or norm is not None or json:
        raise InputError(
            "expected --report without --alpha, --norm and --json, because it covers sizes and "
            "norms of its own; accepted beside it is --flip"
        )


def solve(
    alpha: float | None, norm: float | None, rule: str, flip: float
) -> dict[str, float | str | None]:
    """One point as ``theory --json`` prints it.

    Raises:
        InputError: a value is missing or out of range, there is no such rule, or the rule has no
            solution there that double precision carries.
    """
    import math

    from normlaws.errors import InputError, allowed
    from normlaws.theory import RULES

    if rule != FIXED_NORM and rule not in RULES:
        raise InputError(f"expected --rule {allowed([FIXED_NORM, *RULES])}, got {rule!r}")
    if alpha is None or (rule == FIXED_NORM and norm is None):
        raise InputError(
            "expected --alpha, and --norm for the rule fixed-norm; "
            "or --report FILE.html for the whole comparison"
        )
    error, overlap = _evaluate(alpha, norm, rule, flip)
    if math.isnan(error):
        raise InputError(
            f"expected a point that the rule {rule} can solve, got alpha {alpha:g}"
            + (f", norm {norm:g}" if norm is not None else "")
            + f", flip {flip:g}; it is beyond double precision, or its labels cannot be separated"
        )
    return {
        "alpha": alpha,
        "norm": norm,
        "rule": rule,
        "generalization_error": error,
        "overlap": overlap,
    }


def _evaluate(alpha: float, norm: float | None, rule: str, flip: float) -> tuple[float, float]:
    import warnings

    from normlaws.errors import NormlawsWarning
    from normlaws.theory import FixedNormPerceptron
    from normlaws.theory import rule as named

    if rule != FIXED_NORM or norm is None:
        solved = named(rule, flip)
        return float(solved.generalization_error(alpha)), float(solved.overlap(alpha))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NormlawsWarning)  # said by the error instead
        solution = FixedNormPerceptron(flip).solve(alpha, norm)
    return float(solution.generalization_error), float(solution.overlap)
