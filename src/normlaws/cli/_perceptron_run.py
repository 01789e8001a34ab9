"""``normlaws run perceptron``: the one preset that solves and simulates a theory."""

from __future__ import annotations

from pathlib import Path

import typer

NAME = "perceptron"
DESCRIPTION = "The solvable perceptron: exact theory, students at fixed norm, descent from zero."


def run_perceptron(out: Path) -> None:
    """Write the three kinds of curves and their report into ``out``, and print their laws.

    The same settings give the same numbers, so curves that are there already are replaced by
    themselves.
    """
    from normlaws.cli._perceptron_page import write_perceptron_page
    from normlaws.laws import fit
    from normlaws.theory import study

    comparison = study()
    kinds = {
        "theory": comparison.theory,
        "fixed-norm": comparison.fixed_norm,
        "descent": comparison.descent,
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, curves in kinds.items():
        curves.write(out / f"{name}.parquet")
        typer.echo(f"\n{name}\n{fit(curves, norm='frobenius').summary()}")
    typer.echo(f"\nReport: {write_perceptron_page(comparison, out / 'report.html')}")
