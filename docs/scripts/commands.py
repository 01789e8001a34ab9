"""mkdocs hook: the page of the command line is written from the commands themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

PAGE, MARK = "commands.md", "<!-- commands -->"
WIDTH = "96"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put the help of every command where the page asks for it."""
    if page.file.src_uri != PAGE:
        return markdown
    assert MARK in markdown, f"expected {MARK} in {PAGE}"
    return markdown.replace(MARK, "\n".join(reference()))


def reference() -> Iterator[str]:
    """Every command with the text of its ``--help``, as Markdown."""
    from typer.testing import CliRunner

    from normlaws.cli import _add_verbs, app

    _add_verbs()
    app.rich_markup_mode = None
    os.environ |= {"COLUMNS": WIDTH, "TERMINAL_WIDTH": WIDTH}
    for words in _paths(app):
        answer = CliRunner().invoke(app, [*words, "--help"], prog_name="normlaws")
        assert answer.exit_code == 0, answer.output
        yield f"## `normlaws {' '.join(words)}`\n\n```text\n{answer.output.strip()}\n```\n"


def _paths(app: Any) -> Iterator[list[str]]:
    """The words that call each command, ``["import", "table"]`` for one."""
    for command in app.registered_commands:
        yield [command.name or command.callback.__name__]
    for group in app.registered_groups:
        yield from ([group.name, *words] for words in _paths(group.typer_instance))
