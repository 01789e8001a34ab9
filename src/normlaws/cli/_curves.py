"""What verbs read: study folders and Parquet files, or a table of your own as it is."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from normlaws.curves import Curves

TABLES = (".csv", ".tsv", ".jsonl", ".json")
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="NAME=THEIRS",
        help="what a column of a table (.csv, .tsv, .json, .jsonl) is, e.g. size=n_train; repeat",
    ),
]
Group = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="compare groups of runs by this column, such as model: direct laws"
    ),
]


@contextlib.contextmanager
def notes() -> Iterator[None]:
    """What a reader guesses and leaves out, as lines on stderr."""
    from normlaws.cli._output import say
    from normlaws.errors import NormlawsWarning

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", NormlawsWarning)
        yield
    for one in said:
        say(f"normlaws: {one.message}", err=True)


def read_curves(paths: Sequence[str], column: Sequence[str] | None = None) -> Curves:
    """Curves at ``paths``; tables are read at once, their columns by their names.

    Raises:
        InputError: ``--column`` is given, but nothing is a table.
    """
    from normlaws.cli._laws import check_any_ran
    from normlaws.cli.import_ import column_map
    from normlaws.curves import Curves
    from normlaws.errors import InputError, allowed
    from normlaws.interop import read_table

    tables = [path for path in paths if Path(path).suffix in TABLES]
    if column and not tables:
        raise InputError(
            f"expected a table ({allowed(TABLES)}) with --column, got {', '.join(paths)}"
        )
    parts = []
    for path in tables:
        with notes():
            parts.append(read_table(path, column_map(column), guess=True))
    others = [path for path in paths if path not in tables]
    if others:
        parts.append(Curves.read(others))
    curves = parts[0] if len(parts) == 1 else Curves.concat(parts)
    check_any_ran(curves)
    return curves
