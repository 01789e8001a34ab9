"""``normlaws fit``: the two laws of recorded curves."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from normlaws.cli import app
from normlaws.cli._curves import Columns, Group

Places = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH…",
        help="study folder, run folder, .parquet file or quoted pattern, or a table (.csv, .tsv, "
        ".json) with one row a run or a record; several are put together",
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
Smallest = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE|auto",
        help="smallest size that takes part; auto: the longest range of sizes whose exponents "
        "agree with those of all shorter ones",
    ),
]
Resamples = Annotated[int, typer.Option(min=0, help="resamples of the seeds")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]


@app.command("fit")
def fit(
    path: Places,
    norm: Norm = None,
    metric: Metric = None,
    smallest: Smallest = None,
    resamples: Resamples = 1000,
    json: AsJson = False,
    column: Columns = None,
    group: Group = None,
) -> None:
    """Fit the two scaling laws, with intervals and a verdict.

    Without norms, or with one row a run, the law of the lowest error against P alone.
    """
    from normlaws.cli._curves import read_curves
    from normlaws.cli._output import print_json, width
    from normlaws.errors import InputError
    from normlaws.laws import Laws, compare
    from normlaws.laws import fit as fit_laws
    from normlaws.laws.render import clock_text

    if smallest is not None and group is not None:
        raise InputError("expected --smallest or --group, got both")
    curves = read_curves(path, column)
    laws = (
        fit_laws(curves, norm, metric, smallest=_smallest(smallest), resamples=resamples)
        if group is None
        else compare(curves, group, metric, resamples=resamples)
    )
    if not isinstance(laws, Laws):
        print_json(laws.as_dict()) if json else typer.echo(laws.summary(width()))
    elif json:
        print_json(laws.as_dict() | {"clocks": laws.clocks().to_dict("records")})
    else:
        typer.echo(f"{laws.summary(width())}\n\n{clock_text(laws, width())}")


def _smallest(given: str | None) -> float | Literal["auto"] | None:
    """A size as a number; ``"auto"`` and None as they are."""
    from normlaws.errors import InputError

    if given is None:
        return None
    if given == "auto":
        return "auto"
    try:
        return float(given)
    except ValueError:
        raise InputError(f'expected --smallest to be a size or "auto", got {given!r}') from None
