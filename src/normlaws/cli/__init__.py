"""The command line: one file per verb; each parses, calls and prints."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import typer

from normlaws.errors import NormlawsError

app = typer.Typer(
    help="Neural scaling laws along the norm of the weights: measure, run, fit, forecast, solve.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _add_verbs() -> None:
    """Import every verb; each file puts its command on ``app`` and imports nothing heavy."""
    for module in sorted(name for _, name, _ in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")


def main() -> None:
    """Run the command line; a handled mistake prints one line and exits with status 2."""
    _add_verbs()
    try:
        app()
    except NormlawsError as error:
        _fail(str(error))
    except OSError as error:  # a full disk, a folder without permission
        _fail(f"expected to read and write files, but the system said: {error}")


def _fail(message: str) -> None:
    print(f"normlaws: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(2)
