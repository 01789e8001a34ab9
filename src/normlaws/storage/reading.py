"""Files of strangers: plain files, sizes known before memory is asked for, failures in a sentence.

Every reader of the package goes through :func:`reading`, the one place where whatever a damaged or
hostile file leads a parser to becomes a :class:`~normlaws.errors.CorruptFileError`.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from normlaws.errors import CorruptFileError, DataNotFoundError, NormlawsError, printable

Where = TypeVar("Where")
Found = TypeVar("Found")
Rest = ParamSpec("Rest")

MAX_TEXT = 64 * 2**20
"""Bytes of one JSON, TOML or text file."""
MAX_TABLE = 512 * 2**20
"""Bytes of one table of text, or of one log, as it lies on disk."""
FLOOR = 256 * 2**20
"""Bytes that any file may unfold to."""
EXPANSION = 20
"""Beyond :data:`FLOOR`, how often its own length a file may unfold to."""
_REASON = 240  # letters
_OPENED = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_AT_ONCE = 2**20  # bytes, where a file is longer than it said
_SPECIAL = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}


@contextmanager
def reading(what: str, path: object) -> Iterator[None]:
    """The boundary between a file and the program: any failure inside becomes one sentence.

    Args:
        what: what was expected, as in ``"a Parquet file"``.
        path: where, for the message.

    Raises:
        CorruptFileError: in place of any exception that is no named failure already.
    """
    try:
        yield
    except (NormlawsError, Warning):
        raise
    except Exception as error:
        raise CorruptFileError(
            f"expected {what} at {printable(path)}, but it cannot be read: {reason(error)}"
        ) from error


def reads(
    what: str,
) -> Callable[
    [Callable[Concatenate[Where, Rest], Found]], Callable[Concatenate[Where, Rest], Found]
]:
    """Put :func:`reading` around a function whose first argument is the place that it reads."""

    def around(
        read: Callable[Concatenate[Where, Rest], Found],
    ) -> Callable[Concatenate[Where, Rest], Found]:
        @wraps(read)
        def guarded(path: Where, /, *rest: Rest.args, **named: Rest.kwargs) -> Found:
            with reading(what, path):
                return read(path, *rest, **named)

        return guarded

    return around


def reason(error: BaseException) -> str:
    """The first line of an error's message, or what it is called where it has none."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = printable(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= _REASON else f"{lines[0][:_REASON]}…"


def content(path: Path, what: str, limit: int = MAX_TEXT) -> bytes:
    """The bytes of a plain file that is not too long; pipes and devices are not waited for.

    Raises:
        DataNotFoundError: there is no such file.
        CorruptFileError: it is no plain file, too long, or cannot be read.
    """
    with _finding(what, path):
        descriptor = os.open(path, _OPENED)
    try:
        found = os.fstat(descriptor)
        _check_found(found, what, path, limit)
        return _whole(descriptor, found.st_size, limit)
    finally:
        os.close(descriptor)


def _whole(descriptor: int, size: int, limit: int) -> bytes:
    """All that can be read, up to ``limit``; one call where a file is as long as it says."""
    parts = [os.read(descriptor, min(size + 1, limit))]
    read = len(parts[0])
    while parts[-1] and read != size and read < limit:
        parts.append(os.read(descriptor, min(_AT_ONCE, limit - read)))
        read += len(parts[-1])
    return parts[0] if len(parts) == 1 else b"".join(parts)


def check_plain(path: Path, what: str, limit: int | None = None) -> int:
    """The length of a file that is there and is a plain one, not a pipe, socket or device.

    Raises:
        DataNotFoundError: there is no such file.
        CorruptFileError: it is something else, or longer than ``limit``.
    """
    with _finding(what, path):
        found = os.stat(path)
    _check_found(found, what, path, limit)
    return found.st_size


@contextmanager
def _finding(what: str, path: Path) -> Iterator[None]:
    """A sentence for a file that is not there or cannot be opened."""
    try:
        yield
    except FileNotFoundError:
        raise DataNotFoundError(
            f"expected {what} at {printable(path)}, but there is none"
        ) from None
    except (OSError, ValueError) as error:
        raise CorruptFileError(
            f"expected {what} at {printable(path)}, but it cannot be read: {reason(error)}"
        ) from None


def _check_found(found: os.stat_result, what: str, path: Path, limit: int | None) -> None:
    """Refuse what is no plain file, or longer than ``limit``."""
    if not stat.S_ISREG(found.st_mode):
        kind = next((name for is_it, name in _SPECIAL.items() if is_it(found.st_mode)), "another")
        raise CorruptFileError(f"expected {what} at {printable(path)}, got {kind}")
    if limit is not None and found.st_size > limit:
        raise CorruptFileError(
            f"expected {what} of at most {_size(limit)} at {printable(path)}, "
            f"got {_size(found.st_size)}"
        )


def check_unfolded(
    size: float, stored: int, what: str, path: object, floor: int = FLOOR, ratio: int = EXPANSION
) -> None:
    """Refuse what would take far more memory than its file is long, before it is asked for.

    Args:
        size: bytes in memory.
        stored: bytes on disk.
        what: what was expected, for the message.
        path: where, for the message.
        floor: bytes that are always allowed.
        ratio: how often ``stored`` is allowed beyond them.

    Raises:
        CorruptFileError: ``size`` is more than both.
    """
    most = max(floor, ratio * stored)
    if size > most:
        raise CorruptFileError(
            f"expected {what} of at most {_size(most)} in memory at {printable(path)} ({ratio} "
            f"times its length, {_size(floor)} in any case), got {_size(size)} out of "
            f"{_size(stored)}"
        )


def json_value(text: str | bytes, what: str, path: object) -> Any:
    """What a JSON text holds.

    Raises:
        CorruptFileError: it is none, or is nested too deeply, or holds a number of too many digits.
    """
    try:
        return json.loads(text if isinstance(text, str) else text.decode("utf-8"))
    except Exception as error:
        raise CorruptFileError(
            f"expected {what} at {printable(path)}, but it is damaged: {reason(error)}"
        ) from None


def json_object(path: Path, what: str = "a JSON object", limit: int = MAX_TEXT) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        DataNotFoundError: there is no such file.
        CorruptFileError: it holds something else.
    """
    return json_object_of(content(path, what, limit), what, path)


def json_object_of(text: bytes, what: str, path: object) -> dict[str, Any]:
    """The JSON object in a text.

    Raises:
        CorruptFileError: it holds something else.
    """
    value = json_value(text, what, path)
    if not isinstance(value, dict):
        raise CorruptFileError(
            f"expected {what} at {printable(path)}, got a {type(value).__name__}"
        )
    return value


def _size(size: float) -> str:
    if size < 2**20:
        return f"{size / 2**10:.0f} KiB"
    return f"{size / 2**20:,.0f} MiB" if size < 2**34 else f"{size / 2**30:,.0f} GiB"
