"""CSV, Parquet and JSON-lines files as data frames, damage told in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from normlaws.curves.files import read_arrow
from normlaws.errors import CorruptFileError, DataNotFoundError, InputError, allowed


def read_frame(path: Path, text: tuple[str, ...] = ("run",)) -> pd.DataFrame:
    """Read a table by the ending of its name.

    Args:
        path: a ``.csv``, ``.parquet`` or ``.jsonl`` file.
        text: columns that are text even where they look like numbers (of a ``.csv``).

    Raises:
        DataNotFoundError: there is no such file.
        CorruptFileError: the file cannot be read as its ending says.
        InputError: another ending.
    """
    if path.suffix not in READERS:
        raise InputError(f"expected a file ending {allowed(READERS)}, got {path.name}")
    if not path.is_file():
        raise DataNotFoundError(f"expected a table at {path}, but there is none")
    try:
        return READERS[path.suffix](path, text)
    except CorruptFileError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError, RecursionError) as error:
        raise CorruptFileError(
            f"expected a {path.suffix} table at {path}, but {_first_line(error)}"
        ) from None


def _csv(path: Path, text: tuple[str, ...]) -> pd.DataFrame:
    """Read by pyarrow, whose floats are exact; a nameless index column is left out."""
    types = pa_csv.ConvertOptions(column_types=dict.fromkeys(text, pa.string()))
    frame = pa_csv.read_csv(path, convert_options=types).to_pandas()
    return frame.drop(columns="", errors="ignore")


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
    return pd.DataFrame(rows)


READERS: dict[str, Callable[[Path, tuple[str, ...]], pd.DataFrame]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".jsonl": _jsonl,
}


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
