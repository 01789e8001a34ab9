"""``normlaws collapse``: whether the normalised curves of a ladder collapse."""

from __future__ import annotations

from typing import Annotated

import typer

from normlaws.cli import app
from normlaws.cli._curves import Columns
from normlaws.cli.fit import Places

Along = Annotated[
    str | None,
    typer.Option(
        metavar="AXIS",
        help="compute, tokens, step, epoch, any numeric column, or a norm; the default is the "
        "first of these that is recorded",
    ),
]
Metric = Annotated[str | None, typer.Option(help="recorded error or loss, or any numeric column")]
Scale = Annotated[
    str, typer.Option(metavar="NAME", help="what sizes are compared: size, or a variable of runs")
]
End = Annotated[
    str,
    typer.Option(
        metavar="last|NAME|E",
        help="where a run ends: its last record, a variable of the runs, or the exponent E of "
        "an end that grows as size^E",
    ),
]
Floor = Annotated[
    str, typer.Option(metavar="fit|L0", help="irreducible part of the metric: fitted, or a number")
]
Normalise = Annotated[
    str, typer.Option(metavar="own|mean", help="divide by each run's own end, or the seeds' mean")
]
Finish = Annotated[
    list[str] | None,
    typer.Option(metavar="RUN", help="also forecast the end of this run; repeat"),
]
Resamples = Annotated[int, typer.Option(min=0, help="resamples of seeds and of the floor's sizes")]
Figure = Annotated[
    str | None, typer.Option(metavar="FILE", help="draw the collapse into a .png, .svg or .pdf")
]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]


@app.command("collapse")
def collapse(
    path: Places,
    along: Along = None,
    metric: Metric = None,
    scale: Scale = "size",
    end: End = "last",
    floor: Floor = "fit",
    normalise: Normalise = "own",
    finish: Finish = None,
    resamples: Resamples = 200,
    figure: Figure = None,
    json: AsJson = False,
    column: Columns = None,
) -> None:
    """Compare normalised curves of a ladder of sizes with the noise between seeds."""
    from normlaws.cli._curves import read_curves
    from normlaws.cli._ends import number_or_word, print_finishes
    from normlaws.cli._output import print_json, width
    from normlaws.laws.collapse import collapse as collapse_curves

    found = collapse_curves(
        read_curves(path, column), along, metric, scale=scale, end=number_or_word(end),
        floor=number_or_word(floor), normalise=normalise, resamples=resamples,
    )  # fmt: skip
    ends = [found.finish(run) for run in finish] if finish else list(found.unfinished())
    if figure is not None:
        from normlaws.report.figures.normalised import save_normalised

        save_normalised(found, figure)
    if json:
        print_json(found.as_dict() | {"finish": [one.as_dict() for one in ends]})
        return
    typer.echo(found.summary(width()))
    if ends:
        typer.echo("")
        print_finishes(found, ends)
