"""``normlaws surface``: a loss as a function of several variables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from normlaws.cli import app
from normlaws.cli.collapse import AsJson, Figure

if TYPE_CHECKING:
    import pandas as pd

    from normlaws.curves import Curves

Table = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="one row per run (.csv, .parquet, .jsonl), or curves, whose last records are taken",
    ),
]
Family = Annotated[
    str | None,
    typer.Option(
        help="chinchilla, coupled, repeated, routed, transfer or schedule; the default is the "
        "first whose variables the table has"
    ),
]
Fit = Annotated[str, typer.Option(help="squares, huber, lad or envelope")]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="NAME=THEIRS",
        help="which column a variable or the loss is, e.g. params=n_params, loss=val_loss; repeat",
    ),
]
Fixed = Annotated[
    list[str] | None,
    typer.Option("--fix", metavar="NAME=VALUE", help="a constant that is given; repeat"),
]
DropHighest = Annotated[int, typer.Option(min=0, help="rows with the highest losses to leave out")]
Compute = Annotated[float | None, typer.Option(help="say how to split this compute (C = 6 N D)")]
Resamples = Annotated[int, typer.Option(min=0, help="resamples of the rows")]


@app.command("surface")
def surface(
    table: Table,
    family: Family = None,
    fit: Fit = "huber",
    column: Columns = None,
    fix: Fixed = None,
    drop_highest: DropHighest = 0,
    compute: Compute = None,
    resamples: Resamples = 200,
    figure: Figure = None,
    json: AsJson = False,
) -> None:
    """Fit loss against parameters, tokens and more, with intervals and the compute optimum."""
    from normlaws.cli._output import print_json, say, width
    from normlaws.cli.import_ import _pairs
    from normlaws.laws.surfaces import surface as fit_surface

    found = fit_surface(
        _read(table), family, fit, columns=_pairs(column), fixed=_numbers(fix),
        drop_highest=drop_highest, resamples=resamples,
    )  # fmt: skip
    if figure is not None:
        from normlaws.report.figures.surface import save_surface

        save_surface(found, figure)
    best = None if compute is None else found.optimum(compute)
    if json:
        print_json(found.as_dict() | ({} if best is None else {"optimum": best.as_dict()}))
        return
    typer.echo(found.summary(width()))
    if best is not None:
        say(
            f"At compute {best.compute:.4g}: {best.params.value:.4g} parameters, "
            f"{best.tokens.value:.4g} tokens ({best.tokens_per_parameter.value:.3g} per "
            f"parameter), loss {best.loss.value:.4g}"
        )


def _read(table: str) -> pd.DataFrame | Curves:
    """Curves where the place holds them, else a table."""
    from normlaws.curves import Curves
    from normlaws.interop.tabular import READERS, read_frame

    path = Path(table)
    if path.suffix in READERS:
        frame = read_frame(path, ())
        if not {"run", "size", "seed", "step"} <= set(frame.columns):
            return frame
    return Curves.read(table)


def _numbers(fix: list[str] | None) -> dict[str, float]:
    from normlaws.cli.import_ import _pairs
    from normlaws.errors import InputError

    try:
        return {name: float(value) for name, value in _pairs(fix).items()}
    except ValueError:
        raise InputError(f"expected --fix NAME=NUMBER, got {' '.join(fix or [])}") from None
