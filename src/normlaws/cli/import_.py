"""``normlaws import``: other people's records become curves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from normlaws.cli import app

importer = typer.Typer(help="Turn other people's records into curves.", no_args_is_help=True)
app.add_typer(importer, name="import")

Out = Annotated[Path, typer.Option("--out", help="Parquet file (….parquet) or folder to write")]


@importer.command("deep-norm")
def deep_norm(
    file: Annotated[Path, typer.Argument(metavar="FILE.npy", help="a published .npy file")],
    out: Out,
    panel: Annotated[
        int | None, typer.Option(min=0, help="which panel of an ablation file, from 0")
    ] = None,
) -> None:
    """Published curves of arXiv 2505.13230, read without running anything they contain."""
    from normlaws.interop import panels_of, read_deep_norm

    curves = read_deep_norm(file, panel)
    typer.echo(f"{curves.write(out)}: {curves!r}")
    found = panels_of(file)
    if found > 1 and panel is None and len(curves.norms) == 1:
        typer.echo(f"panel 0 of {found}; --panel chooses another")


@importer.command("table")
def table(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a .csv or .parquet file")],
    out: Out,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="NAME=THEIRS",
            help="what a column of the file is, e.g. size=n_train or spectral_complexity=R; repeat",
        ),
    ] = None,
) -> None:
    """A long-format table of one's own: one row per run and recorded step."""
    from normlaws.errors import InputError
    from normlaws.interop import read_table

    columns = {}
    for pair in column or []:
        name, equals, theirs = pair.partition("=")
        if not (name and equals and theirs):
            raise InputError(f"expected --column NAME=THEIRS, got {pair!r}")
        columns[name] = theirs
    curves = read_table(file, columns)
    typer.echo(f"{curves.write(out)}: {curves!r}")
