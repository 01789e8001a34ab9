"""Parquet files of strangers: what they unfold to is known from their metadata, then checked."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from normlaws.errors import NormlawsWarning, allowed, printable
from normlaws.storage.reading import check_plain, check_unfolded, reading

WHAT = "a Parquet file"
_NUMBER = 8  # bytes of a value in memory
_BATCH = 1 << 16  # rows


def read_parquet_table(source: Path | bytes, path: Path) -> pa.Table:
    """The columns of a file; lists, which no table of curves holds, are left out with a warning.

    Rows times columns, and the bytes that the metadata states, are compared with the length of the
    file first. Text is read as a dictionary and counted before it is written out, since one long
    word may stand in every row.

    Args:
        source: the file, or its contents.
        path: for messages.

    Raises:
        CorruptFileError: the file is damaged, or would take far more memory than it is long.

    Warns:
        NormlawsWarning: a column of lists is left out.
    """
    stored = len(source) if isinstance(source, bytes) else check_plain(source, WHAT)
    with reading(WHAT, path):
        opened = pa.BufferReader(source) if isinstance(source, bytes) else source
        file = pq.ParquetFile(opened)
        schema = file.schema_arrow
        if all(map(pa.types.is_primitive, schema.types)):
            check_unfolded(_cells(file.metadata, len(schema)), stored, WHAT, path)
            return file.read(use_threads=False)
        return _with_text(file, source, stored, path)


def _cells(metadata: Any, columns: int) -> int:
    return int(_NUMBER * metadata.num_rows * columns)


def _with_text(file: pq.ParquetFile, source: Path | bytes, stored: int, path: Path) -> pa.Table:
    schema = file.schema_arrow
    kept = [field.name for field in schema if not _repeats(field.type)]
    lists = [field.name for field in schema if _repeats(field.type)]
    metadata = file.metadata
    check_unfolded(_cells(metadata, max(len(kept), 1)), stored, WHAT, path)
    unpacked = sum(
        metadata.row_group(group).column(column).total_uncompressed_size
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    )
    check_unfolded(unpacked, stored, WHAT, path)
    text = [field.name for field in schema if _is_text(field.type)]
    opened = pa.BufferReader(source) if isinstance(source, bytes) else source
    again = pq.ParquetFile(opened, metadata=metadata, read_dictionary=text)
    parts, size = [], 0
    for batch in again.iter_batches(_BATCH, columns=kept, use_threads=False):
        size += sum(_unfolded(column) for column in batch.columns)
        check_unfolded(size, stored, WHAT, path)
        parts.append(batch)
    found = pa.Table.from_batches(parts, None if parts else _only(again.schema_arrow, kept))
    table = pa.table(
        {name: _written_out(found.column(index)) for index, name in enumerate(found.column_names)}
    )
    table.validate(full=True)  # text that is no UTF-8
    if lists:
        warnings.warn(
            f"columns of lists in {printable(path)} are left out: {allowed(map(printable, lists))}",
            NormlawsWarning,
            stacklevel=4,
        )
    return table.replace_schema_metadata(schema.metadata)


def _only(schema: pa.Schema, names: list[str]) -> pa.Schema:
    return pa.schema([schema.field(name) for name in names])


def _repeats(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(_repeats(kind.field(index).type) for index in range(kind.num_fields))
    return bool(pa.types.is_nested(kind))


def _is_text(kind: pa.DataType) -> bool:
    tests = (pa.types.is_string, pa.types.is_binary)
    return any(test(kind) for test in tests)


def _unfolded(column: pa.Array) -> int:
    """Bytes of a column once its dictionary is written out."""
    if not isinstance(column, pa.DictionaryArray):
        return int(column.nbytes)
    words = pc.fill_null(pc.binary_length(column.dictionary), 0).cast(pa.int64())
    indices = pc.fill_null(column.indices, 0)
    letters = pc.sum(words.take(indices)).as_py() if len(words) else 0
    return int(letters or 0) + _NUMBER * len(column)


def _written_out(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    return column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column
