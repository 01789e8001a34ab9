"""Tables and sentences as plain text, as wide as they are or folded to a width; nothing is cut."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

GAP = "  "
NARROWEST = 12  # letters of a column of sentences
_PLACES = re.compile(r"(?<=\s)(?=\S)|(?<=[^\W_][-_./])(?=[^\W\d_])")
"""Where a cell may be folded: after blanks, and within a name before a part of letters."""


def columns(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    width: int | None = None,
    *,
    right: Iterable[int] = (),
    spare: Sequence[int] = (),
    rule: bool = False,
) -> list[str]:
    """Cells in columns two blanks apart.

    Where the table is wider than ``width``, columns in ``spare`` are left out, in that order; then
    cells are folded between words or parts of a name; then every row becomes lines of its own.

    Args:
        header: titles of the columns; none where empty.
        rows: one cell per column each.
        width: letters of a line; any number where ``None``.
        right: columns that are flush right.
        spare: columns that may be left out; a last line names them.
        rule: whether a line stands below the header.
    """
    cells = [*([list(header)] if header else []), *(list(row) for row in rows)]
    if not cells:
        return []
    kept = _kept(cells, width, spare)
    shown = [[row[at] for at in kept] for row in cells]
    flush = {place for place, at in enumerate(kept) if at in set(right)}
    wide = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    if width is not None and _total(wide) > width:
        folded = _folded(shown, wide, width)
        if folded is None:
            return _as_records(header, cells[bool(header) :], width)
        wide = folded
    lines = [line for row in shown for line in _row(row, wide, flush)]
    if rule and header:
        lines.insert(_height(shown[0], wide), GAP.join("─" * one for one in wide))
    gone = [header[at] for at in range(len(header)) if at not in kept]
    if gone:
        lines += wrapped(f"(no room for {', '.join(gone)}: widen the terminal or pipe)", width)
    return lines


def wrapped(text: str, width: int | None) -> list[str]:
    """Sentences in lines of at most ``width`` letters, broken between words."""
    lines = []
    for line in text.splitlines() or [""]:
        blank = line[: len(line) - len(line.lstrip())]
        lines += [line] if width is None else [blank + part for part in _fold(line.strip(), width)]
    return lines


def _kept(cells: list[list[str]], width: int | None, spare: Sequence[int]) -> list[int]:
    kept = list(range(len(cells[0])))
    if width is None:
        return kept
    for gone in spare:
        wide = [max(_width(row[at]) for row in cells) for at in kept]
        if _total(wide) <= width:
            break
        kept.remove(gone)
    return kept


def _total(wide: Sequence[int]) -> int:
    return sum(wide) + len(GAP) * (len(wide) - 1)


def _folded(cells: list[list[str]], wide: list[int], width: int) -> list[int] | None:
    """Widths that fit, taken from the widest columns first; ``None`` where no widths do."""
    least = [
        max(max(map(_width, _parts(cell)), default=0) for cell in column)
        for column in zip(*cells, strict=True)
    ]
    least = [min(full, max(low, NARROWEST)) for low, full in zip(least, wide, strict=True)]
    if _total(least) > width:
        return None
    wide = list(wide)
    while _total(wide) > width:
        able = [at for at in range(len(wide)) if wide[at] > least[at]]
        wide[max(able, key=lambda at: wide[at])] -= 1
    return wide


def _row(row: Sequence[str], wide: Sequence[int], flush: set[int]) -> list[str]:
    folds = [_fold(cell, room) for cell, room in zip(row, wide, strict=True)]
    height = max(map(len, folds))
    lines = []
    for at in range(height):
        parts = [fold[at] if at < len(fold) else "" for fold in folds]
        padded = [
            _padded(part, room, place in flush)
            for place, (part, room) in enumerate(zip(parts, wide, strict=True))
        ]
        lines.append(GAP.join(padded).rstrip())
    return lines


def _height(row: Sequence[str], wide: Sequence[int]) -> int:
    return max(len(_fold(cell, room)) for cell, room in zip(row, wide, strict=True))


def _padded(text: str, width: int, right: bool) -> str:
    blank = " " * (width - _width(text))
    return blank + text if right else text + blank


def _fold(text: str, width: int) -> list[str]:
    lines, line = [], ""
    for part in _parts(text):
        if line and _width((line + part).rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += part
    return [*lines, line.rstrip()]


def _parts(text: str) -> list[str]:
    return _PLACES.split(text)


def _as_records(header: Sequence[str], rows: list[list[str]], width: int) -> list[str]:
    """Every row as lines of name and value."""
    lines: list[str] = []
    for row in rows:
        for at, cell in enumerate(row):
            named = f"{header[at]}: {cell}" if header and header[at] else cell
            lines += wrapped(named, width) if cell else []
        lines.append("")
    return lines[:-1]


def _width(text: str) -> int:
    """Places that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF")
        for one in text
    )
