"""``normlaws import``: other people's records become curves."""

from __future__ import annotations

import typer

from normlaws.cli import app

importer = typer.Typer(help="Turn other people's records into curves.", no_args_is_help=True)
app.add_typer(importer, name="import")
