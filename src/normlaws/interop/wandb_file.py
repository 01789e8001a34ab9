"""The file that Weights & Biases writes for a run, ``run-<id>.wandb``: records in blocks.

A header of 7 bytes, then blocks of 32 KiB of fragments, each with a checksum, a length and its
place in a record (whole, first, middle or last): the log format of LevelDB.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

from normlaws.errors import CorruptFileError, NormlawsWarning
from normlaws.storage.reading import MAX_TABLE
from normlaws.storage.reading import content as plain_bytes

_START = b":W&B"
HEADER = 7
_BLOCK = 32768
_FRAGMENT = struct.Struct("<IHB")
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


def records(path: Path) -> Iterator[bytes]:
    """The records of a file, whole ones only.

    Raises:
        CorruptFileError: the file is of another kind, or a checksum does not fit.

    Warns:
        NormlawsWarning: the file ends within a record, as that of a killed run does.
    """
    content = plain_bytes(path, "a Weights & Biases run", MAX_TABLE)
    if content[:4] != _START or len(content) < HEADER:
        raise CorruptFileError(f"expected a Weights & Biases run at {path}, got something else")
    parts: list[bytes] = []
    for kind, data in _fragments(content, path):
        if (kind in (_WHOLE, _FIRST)) != (not parts):
            raise CorruptFileError(
                f"expected a Weights & Biases run at {path}, but records are cut"
            )
        parts.append(data)
        if kind in (_WHOLE, _LAST):
            yield b"".join(parts)
            parts = []
    if parts:
        _say_cut(path)


def _fragments(content: bytes, path: Path) -> Iterator[tuple[int, bytes]]:
    place = HEADER
    while place < len(content):
        room = _BLOCK - place % _BLOCK
        if room < _FRAGMENT.size:  # too small for another fragment: filled with zeros
            place += room
            continue
        if place + _FRAGMENT.size > len(content):
            _say_cut(path)
            return
        checksum, length, kind = _FRAGMENT.unpack_from(content, place)
        data = content[place + _FRAGMENT.size : place + _FRAGMENT.size + length]
        if len(data) < length:
            _say_cut(path)
            return
        if kind not in (_WHOLE, _FIRST, _MIDDLE, _LAST) or _checksum(kind, data) != checksum:
            raise CorruptFileError(
                f"expected a Weights & Biases run at {path}, but a checksum does not fit"
            )
        yield kind, data
        place += _FRAGMENT.size + length


def _checksum(kind: int, data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(bytes([kind])))


def _say_cut(path: Path) -> None:
    warnings.warn(
        f"{path} ends within a record, as the file of a killed run does; what came before is read",
        NormlawsWarning,
        stacklevel=6,
    )
