"""``normlaws fit``: the two laws of recorded curves."""

from __future__ import annotations

from typing import Annotated

import typer

from normlaws.cli import app

Places = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH…",
        help="study folder, run folder, .parquet file or quoted pattern; several are put together",
    ),
]
Norm = Annotated[
    str | None,
    typer.Option(help="recorded norm; the default is spectral_complexity or the only one recorded"),
]
Metric = Annotated[
    str | None,
    typer.Option(help="recorded error or loss; the default is test_error, or what is recorded"),
]
Resamples = Annotated[int, typer.Option(min=0, help="resamples of the seeds")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]


@app.command("fit")
def fit(
    path: Places,
    norm: Norm = None,
    metric: Metric = None,
    resamples: Resamples = 1000,
    json: AsJson = False,
) -> None:
    """Fit the two scaling laws, with intervals and a verdict."""
    from normlaws.cli._output import print_json
    from normlaws.curves import Curves
    from normlaws.laws import fit as fit_laws

    curves = Curves.read(path)
    laws = fit_laws(curves, norm, metric, resamples=resamples)
    if json:
        print_json(laws.as_dict())
    else:
        typer.echo(laws.summary())
