"""``normlaws run perceptron``: the one preset that solves and simulates a theory."""

from __future__ import annotations

from pathlib import Path

import typer

NAME = "perceptron"
DESCRIPTION = "The solvable perceptron: exact theory, students at fixed norm, descent from zero."


def run_perceptron(out: Path) -> None:
    """Write the comparison as a study folder, and print the laws of each kind of curve.

    The same numbers come every time, so what is there already is replaced by itself.

    Raises:
        StudyConflictError: the folder holds a study of networks.
    """
    from normlaws.errors import StudyConflictError
    from normlaws.laws import fit
    from normlaws.report.solved.perceptron import write_perceptron_study
    from normlaws.storage.folder import StudyFolder
    from normlaws.theory import study

    if StudyFolder(out).study.exists():
        raise StudyConflictError(
            f"expected {out} to be new or to hold the perceptron, but it holds another study; "
            "give another --out"
        )
    comparison = study()
    page = write_perceptron_study(comparison, out)
    kinds = {
        "Theory": comparison.theory,
        "Students at fixed norm": comparison.fixed_norm,
        "Descent from zero": comparison.descent,
    }
    for name, curves in kinds.items():
        typer.echo(f"{name}: {fit(curves, norm='frobenius').summary()}\n")
    typer.echo(f"Report: {page}")
