"""Rows of large studies, decoded before: found again by the digests of the files that held them.

Decoding thousands of small Parquet files is most of what reading a large study costs. Every file is
still read and its digest computed each time; only what is decoded is looked up, so a curve that was
deleted, cut, altered or exchanged is noticed as without this.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from normlaws.errors import CorruptFileError
from normlaws.storage.kept import Shelf
from normlaws.storage.reading import json_value, reading
from normlaws.version import __version__

SHELF = Shelf("curves")
WHAT = "rows decoded before"
_RUNS = b"normlaws.digests"
_FRESH_SHARE = 0.1  # of the runs must be new for the file to be written again


@dataclass(frozen=True)
class Decoded:
    """The rows of one study's finished runs, by the SHA-256 of their curves.

    Attributes:
        key: under which they are kept: the study's folder, and the versions that decoded them.
        tables: digest -> the rows of that curve.
    """

    key: tuple[str, ...]
    tables: dict[str, pa.Table] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Path) -> Decoded:
        """What is kept of the study in a folder; nothing where that is damaged or not there."""
        key = str(study.resolve()), __version__, pa.__version__
        found = SHELF.get(*key)
        if found is None:
            return cls(key)
        try:
            with reading(WHAT, SHELF.path(*key)):
                return cls(key, _tables(found))
        except CorruptFileError:
            return cls(key)

    def keep(self, curves: Sequence[tuple[str, pa.Table]]) -> None:
        """Keep the rows of these curves, digest and table each, where enough of them are new.

        Only curves of the commonest columns are kept, and only numbers.
        """
        alike: dict[pa.Schema, dict[str, pa.Table]] = {}
        for digest, table in curves:
            alike.setdefault(table.schema.remove_metadata(), {})[digest] = table
        plain = [one for schema, one in alike.items() if _is_plain(schema)]
        common = max(plain, key=len, default={})
        fresh = sum(digest not in self.tables for digest in common)
        if fresh > _FRESH_SHARE * len(common):
            SHELF.put(_file(common), *self.key)


def _is_plain(schema: pa.Schema) -> bool:
    return all(map(pa.types.is_primitive, schema.types))


def _file(tables: dict[str, pa.Table]) -> bytes:
    runs = json.dumps([[digest, len(table)] for digest, table in tables.items()])
    bare = [table.replace_schema_metadata(None) for table in tables.values()]
    together = pa.concat_tables(bare).replace_schema_metadata({_RUNS: runs.encode()})
    stream = pa.BufferOutputStream()
    with pa.ipc.new_file(stream, together.schema) as file:
        file.write_table(together.combine_chunks())
    return bytes(stream.getvalue())


def _tables(found: bytes) -> dict[str, pa.Table]:
    together = pa.ipc.open_file(pa.BufferReader(found)).read_all()
    together.validate(full=True)
    runs = json_value(together.schema.metadata[_RUNS], WHAT, "the user's cache")
    together = together.replace_schema_metadata(None).combine_chunks()
    tables, start = {}, 0
    for digest, length in runs:
        tables[digest] = together.slice(start, length)
        start += length
    return tables
