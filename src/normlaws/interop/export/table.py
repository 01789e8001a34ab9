"""Long-format CSV and Parquet."""

from __future__ import annotations

from pathlib import Path

from normlaws.curves import Curves
from normlaws.curves.files import csv_text
from normlaws.errors import InputError
from normlaws.storage.folder import replace_file


def export_table(curves: Curves, path: str | Path) -> Path:
    """Write one row per run and recorded step; return the path.

    A ``.csv`` holds every number exactly, and how each run ended in a column ``status``; settings
    and versions have no place in it. Text that a spreadsheet would take for a formula gets an
    apostrophe before it. A ``.parquet`` holds these too, as :meth:`Curves.write`.

    Raises:
        InputError: the path ends in neither.
    """
    path = Path(path)
    if path.suffix == ".parquet":
        return curves.write(path)
    if path.suffix != ".csv":
        raise InputError(f"expected a file ending .csv or .parquet, got {path.name}")
    status = curves.frame["run"].map(curves.runs.set_index("run")["status"])
    table = curves.frame.assign(status=status)
    text = csv_text(table)
    replace_file(path, lambda beside: beside.write_text(text, encoding="utf-8", newline=""))
    return path
