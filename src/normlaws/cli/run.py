"""``normlaws run``: run a study, fit the laws, write the report."""

from __future__ import annotations

import importlib
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from normlaws.cli import app

WORKERS_STARTED = 5.0  # seconds after which the main process has nothing to do but wait


@app.command("run")
def run(
    study: Annotated[
        str, typer.Argument(help="A preset's name (a solved model too) or a TOML file.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Study folder; default runs/<name of the study>.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes, of one thread each; default one per core.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="A dask scheduler (tcp://host:8786) or slurm, pbs, lsf, sge: see docs/cluster.md."
        ),
    ] = None,
    data_root: Annotated[
        Path | None, typer.Option(help="Folder of data sets; default $NORMLAWS_DATA.")
    ] = None,
    scale: Annotated[
        float, typer.Option(help="Shrink sizes, seeds, steps and weights to this fraction.")
    ] = 1.0,
    device: Annotated[str, typer.Option(help="cpu, cuda (a GPU each), cuda:1, mps …")] = "cpu",
    stack: Annotated[
        bool,
        typer.Option(
            help="Train small runs together where that is faster; alone, curves repeat to the bit."
        ),
    ] = True,
) -> None:
    """Run a study or finish an interrupted one; end with the laws and the report.

    Running the same command again adds only what is missing.
    """
    from normlaws.cli._solved import run_solved
    from normlaws.storage.folder import StudyFolder
    from normlaws.studies.inherit import study_file
    from normlaws.theory import solved_studies

    known = solved_studies()
    if study in known:
        solved = known[study].scaled(scale)
        run_solved(solved, StudyFolder(out or Path("runs") / solved.name).root)
        return
    file = study_file(study, known)
    one_place = workers is None or cluster is None
    if one_place and _finished_before(file, out, scale):  # before what trains is imported
        return

    from normlaws.cli._laws import finish
    from normlaws.studies import Study
    from normlaws.studies.planned import keep

    plan = Study.load(file).scaled(scale)
    assert isinstance(plan, Study)
    folder = StudyFolder(out or Path("runs") / plan.name)
    later = threading.Timer(WORKERS_STARTED, _import_what_follows)
    later.start()
    try:
        with _terminated_as_interrupted():
            curves = plan.run(
                folder.root,
                workers=workers,
                cluster=cluster,
                device=device,
                data_root=data_root,
                stack=stack,
            )
    except KeyboardInterrupt:
        typer.echo(f"Stopped; what is done is in {folder.root}. Run it again to go on.", err=True)
        raise
    finally:
        later.cancel()
    runs = [one.run_id for one in plan.settings.runs()]
    keep(file, scale, plan.name, plan.definition(), runs)
    finish(curves, folder, title=_title(plan.name))


def _finished_before(file: Path, out: Path | None, scale: float) -> bool:
    """Print the laws of a study of which nothing remains to be done, if this is one."""
    from normlaws.cli._laws import finish
    from normlaws.storage.folder import StudyFolder
    from normlaws.studies.planned import Planned

    planned = Planned.of(file, scale)
    if planned is None:
        return False
    folder = StudyFolder(out or Path("runs") / planned.name)
    found = planned.finished(folder)
    if found is None:
        return False
    finish(found[0], folder, _title(planned.name), contents=found[1])
    return True


def _import_what_follows() -> None:
    """Laws and report, while other processes train."""
    for room in ("normlaws.laws", "normlaws.report"):
        importlib.import_module(room)


def _title(name: str) -> str:
    return f"Norm-based scaling laws: {name}"


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM, a batch system's notice that time is up, do what Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
