"""What verbs print: one JSON object alone, or a table for people."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from normlaws.errors import printable

if TYPE_CHECKING:
    from rich.text import Text


def print_json(value: object) -> None:
    """Print ``value`` as JSON; numbers that are not finite become ``null``."""
    typer.echo(json.dumps(_finite(value), indent=2))


def print_table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; floats with four significant digits."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=_as_it_is(title), title_justify="left", title_style="bold")
    for name in header:
        table.add_column(_as_it_is(name), overflow="fold")
    for row in rows:
        cells = (f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row)
        table.add_row(*map(_as_it_is, cells))
    console = Console()
    if not console.is_terminal:
        endless = console.options.update(max_width=sys.maxsize)
        console.width = max(console.measure(table, options=endless).maximum, 80)
    console.print(table)


def _as_it_is(text: str) -> Text:
    """Text in which brackets mean nothing, and nothing steers the terminal."""
    from rich.text import Text

    return Text(printable(text))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@contextlib.contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar on stderr where that is a terminal; called with done, total, and what comes next."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def show(done: int, total: int, name: str) -> None:
            shown = escape(printable(name))
            bar.update(task, completed=done, total=total, description=f"{what}: {shown}")

        yield show
