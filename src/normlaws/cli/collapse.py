"""``normlaws collapse``: whether the normalised curves of a ladder collapse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from normlaws.cli import app
from normlaws.cli.fit import Places

if TYPE_CHECKING:
    from normlaws.laws import Collapse
    from normlaws.laws.collapse import Finish as FinishedRun

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
) -> None:
    """Compare normalised curves of a ladder of sizes with the noise between seeds."""
    from normlaws.cli._output import print_json, say, width
    from normlaws.curves import Curves
    from normlaws.laws.collapse import collapse as collapse_curves

    found = collapse_curves(
        Curves.read(path), along, metric, scale=scale, end=_number_or_word(end),
        floor=_number_or_word(floor), normalise=normalise, resamples=resamples,
    )  # fmt: skip
    ends = _ends(found, finish)
    if figure is not None:
        from normlaws.report.figures.normalised import save_normalised

        save_normalised(found, figure)
    if json:
        print_json(found.as_dict() | {"finish": [one.as_dict() for one in ends]})
        return
    typer.echo(found.summary(width()))
    for one in ends:
        say(f"{one.run}: {one}")


def _ends(found: Collapse, named: list[str] | None) -> list[FinishedRun]:
    """Forecasts of the named runs; else of all that are running, as far as they have come."""
    from normlaws.cli._output import say
    from normlaws.errors import InputError

    if named:
        return [found.finish(run) for run in named]
    ends = []
    for track in found.ladder.running:
        try:
            ends.append(found.finish(track.name))
        except InputError as error:
            say(f"normlaws: {error}", err=True)
    return ends


def _number_or_word(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
