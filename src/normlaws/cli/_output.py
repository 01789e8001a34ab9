"""What verbs print: one JSON object alone, or a table for people."""

from __future__ import annotations

import contextlib
import json
import math
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

import typer

from normlaws.display.columns import columns, wrapped
from normlaws.errors import printable

_NUMBER = re.compile(r"[-−+×]? ?[0-9][0-9,.]*(e[-+]?[0-9]+)?%?|nan|inf|–")


def print_json(value: object) -> None:
    """Print ``value`` as JSON; numbers that are not finite become ``null``."""
    typer.echo(json.dumps(_finite(value), indent=2))


def print_table(
    title: str,
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    spare: Sequence[int] = (),
) -> None:
    """Print a table; floats with four significant digits, nothing cut.

    Where the terminal is too narrow, the columns in ``spare`` are left out, in that order.
    """
    cells = [[printable(_cell(cell)) for cell in row] for row in rows]
    right = [at for at in range(len(header)) if cells and all(_is_number(row[at]) for row in cells)]
    typer.secho(printable(title), bold=True)
    names = [printable(name) for name in header]
    for line in columns(names, cells, width(), right=right, spare=spare, rule=True):
        typer.echo(line)


def say(text: str, *, err: bool = False) -> None:
    """Print sentences, broken between words where they go to a terminal."""
    room = width(sys.stderr if err else sys.stdout)
    typer.echo("\n".join(wrapped(text, room)), err=err)


def width(stream: TextIO | None = None) -> int | None:
    """Letters of a line of the terminal; ``None`` where the output goes elsewhere."""
    stream = sys.stdout if stream is None else stream
    return shutil.get_terminal_size().columns if stream.isatty() else None


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _is_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text))


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
    if not console.is_terminal:
        yield lambda done, total, name: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def show(done: int, total: int, name: str) -> None:
            shown = escape(printable(name))
            bar.update(task, completed=done, total=total, description=f"{what}: {shown}")

        yield show
