"""CSV, Parquet and JSON files as data frames, damage told in one sentence."""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from normlaws.curves.files import read_arrow
from normlaws.errors import InputError, allowed, printable
from normlaws.storage.reading import (
    MAX_TABLE,
    MAX_TEXT,
    check_plain,
    check_unfolded,
    content,
    json_value,
    reading,
)

_NUMBER = 8  # bytes


def read_frame(path: Path, text: tuple[str, ...] = ("run",)) -> pd.DataFrame:
    """Read a table by the ending of its name.

    Args:
        path: a ``.csv``, ``.tsv``, ``.parquet`` or ``.jsonl`` file, or a ``.json`` file with a list
            of flat objects or the ``log_history`` of a ``trainer_state.json``.
        text: columns that are text even where they look like numbers (of a ``.csv`` or ``.tsv``).

    Raises:
        DataNotFoundError: there is no such file.
        CorruptFileError: the file cannot be read as its ending says.
        InputError: another ending.
    """
    reader = _json if path.suffix == ".json" else READERS.get(path.suffix)
    if reader is None:
        raise InputError(f"expected a file ending {allowed([*READERS, '.json'])}, got {path.name}")
    check_plain(path, "a table", None if path.suffix == ".parquet" else MAX_TABLE)
    with reading(f"a {path.suffix} table", path):
        return reader(path, text)


def _csv(path: Path, text: tuple[str, ...]) -> pd.DataFrame:
    """Read by pyarrow, whose floats are exact; a nameless index column is left out.

    Semicolons or tabs between columns and decimal commas, as spreadsheets write them in much of
    Europe, are told by the first lines; between the columns of a ``.tsv`` are tabs.
    """
    delimiter, decimal = _locale(path, "\t" if path.suffix == ".tsv" else ",;\t")
    types = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(text, pa.string()), decimal_point=decimal
    )
    between = pa_csv.ParseOptions(delimiter=delimiter)
    table = pa_csv.read_csv(path, convert_options=types, parse_options=between)
    lines = _lines(path)
    if len(table) != lines - 1:  # rows behind a quote that is never closed are passed over
        raise ValueError(
            f"{lines - 1:,} lines below its header came to {len(table):,} rows; a quote may be "
            "open, or a cell hold the end of a line"
        )
    _check_names(table.column_names)
    return table.to_pandas().drop(columns="", errors="ignore")


def _lines(path: Path) -> int:
    """Lines that are not empty, whatever ends them."""
    with path.open(encoding="latin-1") as lines:
        return sum(line != "\n" for line in lines)


def _check_names(names: list[str]) -> None:
    """Refuse two columns of one name; those without a name hold the numbers of rows."""
    double = next((name for name, count in Counter(names).items() if name and count > 1), None)
    if double is not None:
        raise ValueError(f"it has two columns {printable(double)!r}")


_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+(e[-+]?\d+)?", re.IGNORECASE)
_DECIMAL_POINT = re.compile(r"[-+]?\d*\.\d+(e[-+]?\d+)?", re.IGNORECASE)
_LOOKED_AT = 200  # lines


def _locale(path: Path, between: str) -> tuple[str, str]:
    """What stands between columns, one of ``between``, and in numbers."""
    with path.open(encoding="utf-8", errors="replace", newline="") as lines:
        first = list(itertools.islice(lines, _LOOKED_AT))
    header = re.sub(r'"[^"]*"', "", first[0]) if first else ""
    delimiter = max(between, key=header.count)
    cells = [cell.strip() for row in csv.reader(first, delimiter=delimiter) for cell in row]
    commas = any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells)
    points = any(_DECIMAL_POINT.fullmatch(cell) for cell in cells)
    return delimiter, "," if commas and not points else "."


def _json(path: Path, _: tuple[str, ...]) -> pd.DataFrame:
    """A list of flat objects, or ``log_history``: one row per step, as a trainer logs them."""
    found = json_value(content(path, "a .json table", MAX_TEXT), "a .json table", path)
    rows = found.get("log_history") if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(
            "it holds no list of objects, and no log_history (that of a trainer_state.json)"
        )
    if rows is found:
        _check_flat(rows)
    return _framed(rows, path)


def _check_flat(rows: list[dict[str, Any]]) -> None:
    for number, row in enumerate(rows, 1):
        deep = next((name for name, cell in row.items() if isinstance(cell, dict | list)), None)
        if deep is not None:
            raise ValueError(
                f"object {number} is not flat: {printable(deep)!r} holds more than one"
            )


def _framed(rows: list[dict[str, Any]], path: Path) -> pd.DataFrame:
    names = {name for row in rows for name in row}
    check_unfolded(_NUMBER * len(rows) * len(names), path.stat().st_size, "a table", path)
    return pd.DataFrame(rows)


def _parquet(path: Path, _: tuple[str, ...]) -> pd.DataFrame:
    return read_arrow(path)[0]


def _jsonl(path: Path, _: tuple[str, ...]) -> pd.DataFrame:
    """One JSON object a line; ``NaN`` and ``Infinity`` are read."""
    rows: list[dict[str, Any]] = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError(f"line {number} holds no JSON object")
            rows.append(row)
    return _framed(rows, path)


READERS: dict[str, Callable[[Path, tuple[str, ...]], pd.DataFrame]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
    ".jsonl": _jsonl,
}
