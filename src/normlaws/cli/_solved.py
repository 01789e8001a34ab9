"""``normlaws run NAME`` of a solved model: write its folder and page, print its laws."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from normlaws.theory import SolvedStudy


def run_solved(study: SolvedStudy, out: Path) -> None:
    """Solve, write the study folder, and print the laws of each kind of curve.

    Raises:
        StudyConflictError: the folder holds another study.
    """
    from normlaws.cli._output import say, width
    from normlaws.errors import InputError
    from normlaws.laws import fit
    from normlaws.report.solved import write_solved_page
    from normlaws.storage.folder import StudyFolder

    solved = study.solve()
    study.write(solved, out)
    page = write_solved_page(study, solved, StudyFolder(out).report)
    for name, curves in solved.kinds().items():
        title = name[:1].upper() + name[1:]
        try:
            said = fit(curves, norm=study.norm, metric=study.metric).summary(width())
        except InputError as error:
            said = str(error)
        say(f"{title}: {said}\n")
    typer.echo(f"Report: {page}")
