"""Values as cards in a notebook: a title, tables, sentences; every string is escaped.

Colours and letters are the notebook's own, so that cards are readable on light and dark pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_RULE = "1px solid color-mix(in srgb, currentColor 22%, transparent)"
_CELL = f"padding:.2em .8em .2em 0;border:0;border-bottom:{_RULE};vertical-align:top"


def card(title: str, *blocks: str) -> str:
    """A titled card of blocks made by :func:`table` and :func:`text`."""
    head = f'<div style="font-weight:600;margin-bottom:.3em">{escape(title)}</div>'
    return f'<div class="normlaws" style="max-width:64em">{head}{"".join(blocks)}</div>'


def text(sentence: str, *, quiet: bool = False) -> str:
    """One paragraph; ``quiet`` for what stands in small letters below a table."""
    style = "margin:.35em 0" + (";opacity:.72;font-size:.9em" if quiet else "")
    return f'<p style="{style}">{escape(sentence)}</p>'


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, numeric: Iterable[int] = ()
) -> str:
    """A table; the columns in ``numeric`` are flush right, with true minus signs."""
    right = set(numeric)
    body = "".join(_row("td", row, right) for row in rows)
    return (
        '<div style="overflow-x:auto;margin:.2em 0 .6em"><table style="border-collapse:collapse">'
        f"<thead>{_row('th', header, right)}</thead><tbody>{body}</tbody></table></div>"
    )


def _row(tag: str, cells: Sequence[str], right: set[int]) -> str:
    return (
        f"<tr>{''.join(_cell(tag, cell, place in right) for place, cell in enumerate(cells))}</tr>"
    )


def _cell(tag: str, cell: str, right: bool) -> str:
    if right:
        cell = cell.replace("-", "−")
    align = "right;font-variant-numeric:tabular-nums" if right else "left"
    return f'<{tag} style="{_CELL};text-align:{align}">{escape(cell)}</{tag}>'
