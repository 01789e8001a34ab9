"""``normlaws explore``: a local web page to look around in a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from normlaws.cli import app
from normlaws.cli._curves import Columns
from normlaws.cli.fit import Resamples


@app.command()
def explore(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="study folder, run folder, .parquet file or glob; a table (.csv, .tsv, "
            ".json); or a solved model's name",
        ),
    ],
    port: Annotated[int, typer.Option(help="port to listen on; 0 takes a free one")] = 0,
    host: Annotated[
        str, typer.Option(help="127.0.0.1 alone: the page is served to this machine only")
    ] = "127.0.0.1",
    resamples: Resamples = 1000,
    column: Columns = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="print the address without opening it")
    ] = False,
) -> None:
    """Look around in a study, running or done, on a page that nothing leaves.

    Without norms, or with one row a run, the page shows the direct law, of groups side by side.
    """
    from functools import partial

    from normlaws.cli._curves import TABLES, read_curves
    from normlaws.explore import serve

    table = path.suffix in TABLES and path.is_file()
    read = partial(read_curves, [str(path)], column) if table or column else None

    serve(
        path,
        host=host,
        port=port,
        resamples=resamples,
        browser=not no_browser,
        say=lambda address: typer.echo(f"{address}  (Ctrl-C to stop)"),
        read=read,
    )
