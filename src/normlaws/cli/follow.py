"""``normlaws follow``: checkpoints of finished trainings become curves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from normlaws.cli import app
from normlaws.cli._output import progress_bar, say


@app.command()
def follow(
    checkpoints: Annotated[
        list[str],
        typer.Argument(help="Checkpoints, folders of them, globs, or a cached hub repository."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Parquet file (….parquet) to write.")],
    size: Annotated[
        int | None, typer.Option(help="Number of training examples of all trainings.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all trainings.")] = 0,
    run_pattern: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Reads size and seed from each training's folder, "
            "e.g. 'P(?P<size>[0-9]+)-s(?P<seed>[0-9]+)'.",
        ),
    ] = None,
    losses: Annotated[
        Path | None,
        typer.Option(
            help="What was logged: trainer_state.json, a table (.csv, .tsv, .parquet, .jsonl) with "
            "a column of steps, or what `normlaws import` wrote of another log."
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Where in each file the network is, e.g. state_dict.")
    ] = None,
) -> None:
    """Measure the norms of CHECKPOINTS, join the losses, and write curves to fit.

    A folder's trainer_state.json is joined automatically. A call that was interrupted goes on where
    it stopped. Afterwards: `normlaws fit OUT`, `normlaws collapse OUT`, `normlaws report OUT`.
    """
    from normlaws.interop.joined import metrics_by_step
    from normlaws.tracking.checkpoints import follow as followed

    metrics = None if losses is None else metrics_by_step(losses)
    with progress_bar("measuring checkpoints") as progress:
        curves = followed(
            checkpoints,
            out,
            size=size,
            seed=seed,
            run_pattern=run_pattern,
            metrics=metrics,
            key=key,
            progress=progress,
        )
    say(f"{out}: {curves!r}")
    say(f"Next: normlaws fit {out}, normlaws collapse {out}, or normlaws report {out}")
