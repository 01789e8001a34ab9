"""``normlaws fit``: the two laws of recorded curves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from normlaws.cli import app

if TYPE_CHECKING:
    from normlaws.curves import Curves

Recorded = Annotated[
    Path, typer.Argument(metavar="PATH", help="study folder, run folder, .parquet file or glob")
]
Norm = Annotated[
    str | None,
    typer.Option(help="recorded norm; the default is spectral_complexity or the only one recorded"),
]
Metric = Annotated[str, typer.Option(help="recorded error or loss")]
Resamples = Annotated[int, typer.Option(min=0, help="resamples of the seeds")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]


@app.command("fit")
def fit(
    path: Recorded,
    norm: Norm = None,
    metric: Metric = "test_error",
    resamples: Resamples = 1000,
    json: AsJson = False,
) -> None:
    """Fit the two scaling laws, with intervals and a verdict."""
    from normlaws.cli._output import print_json
    from normlaws.curves import Curves
    from normlaws.laws import fit as fit_laws

    curves = Curves.read(path)
    laws = fit_laws(curves, norm or default_norm(curves), metric, resamples=resamples)
    if json:
        print_json(laws.as_dict())
    else:
        typer.echo(laws.summary())


def default_norm(curves: Curves) -> str:
    """Spectral complexity where it is recorded, or the only norm recorded.

    Raises:
        InputError: several norms are recorded, none of them spectral complexity; or none at all.
    """
    from normlaws.errors import InputError, allowed

    if "spectral_complexity" in curves.norms:
        return "spectral_complexity"
    if len(curves.norms) == 1:
        return curves.norms[0]
    raise InputError(
        f"expected --norm, because spectral_complexity is not recorded; recorded are "
        f"{allowed(curves.norms)}"
        if curves.norms
        else "expected curves with a recorded norm (a column log_…), but there is none"
    )
