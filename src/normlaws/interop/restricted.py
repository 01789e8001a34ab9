"""A pickled dictionary of arrays from a stranger: rebuilt where it is only that, refused otherwise.

Unpickling can call any function the file names, and even numpy's own turn bytes into pointers when
they are asked for objects. So nothing is unpickled: the header is compared, the pickle's
instructions are followed by :mod:`normlaws.interop.pickle_machine`, and what they describe is
copied here into plain values, counted on the way.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from normlaws.errors import CorruptFileError, DataNotFoundError
from normlaws.interop.npy_header import objects_inside
from normlaws.interop.pickle_machine import ACCEPTED, Machine, damaged
from normlaws.interop.pickled_array import Objects, Slot

MAX_FILE = 8 * 2**20  # the largest published file has 68 kB
MAX_VALUES = 50_000  # each as often as it is named
MAX_WORDS = 2**20  # of eight bytes, or elements of arrays, each as often as it is named
MAX_DEPTH = 16


def load_dict(path: str | Path) -> dict[str, Any]:
    """Read a dictionary that ``numpy.save`` wrote inside an object array of no dimensions.

    Arrays of objects inside it become lists; their dimensions are 0 or 1.

    Raises:
        DataNotFoundError: there is no such file.
        CorruptFileError: the file is no ``.npy``, is damaged or too large, names anything but
            numpy arrays, or does not hold a dictionary.
    """
    path = Path(path)
    content = _content(path)
    try:
        value = _Copy().of(Machine(objects_inside(content)).run())
    except CorruptFileError as refused:
        raise CorruptFileError(f"{path}: {refused}") from None
    if not isinstance(value, dict):
        raise CorruptFileError(f"expected a dictionary in {path}, got {type(value).__name__}")
    return value


def _content(path: Path) -> bytes:
    """The bytes of a file that is not too large."""
    try:
        if path.exists() and not path.is_file():
            raise CorruptFileError(f"expected a .npy file at {path}, got a folder or device")
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE + 1)
    except FileNotFoundError:
        raise DataNotFoundError(f"expected a .npy file at {path}, but there is none") from None
    except OSError as error:
        raise CorruptFileError(
            f"expected a .npy file at {path}, but it cannot be read: {error.strerror}"
        ) from None
    if len(content) > MAX_FILE:
        raise CorruptFileError(f"expected a .npy file of up to {MAX_FILE} bytes, got more: {path}")
    return content


class _Copy:
    """Plain values from described ones: a tree of bounded depth and size, with nothing shared.

    A list that holds one list twice, which holds one list twice, and so on, takes few bytes in a
    file and no end of time to walk: what is named twice is counted twice.
    """

    def __init__(self) -> None:
        self._values, self._words = MAX_VALUES, MAX_WORDS

    def of(self, value: Any, depth: int = 0) -> Any:
        """Copy a value.

        Raises:
            CorruptFileError: too many values, too deep, or not plain.
        """
        if isinstance(value, Slot):
            value = _filled(value)
        self._count(value, depth)
        if isinstance(value, dict):
            return {key: self.of(value[key], depth + 1) for key in value}
        if isinstance(value, list | tuple):
            return type(value)(self.of(item, depth + 1) for item in value)
        if isinstance(value, Objects):
            return self._objects(value, depth)
        if isinstance(value, np.ndarray | np.generic | str | bytes | int | float):
            return value
        if value is None:
            return None
        raise CorruptFileError(f"refused a value in a pickle that is not plain; {ACCEPTED}")

    def _objects(self, value: Objects, depth: int) -> Any:
        count = value.shape[0] if value.shape else 1
        if len(value.shape) > 1 or len(value.items) != count:
            raise CorruptFileError(
                f"expected an array of objects of 0 or 1 dimensions, got {len(value.items)} in "
                f"the shape {value.shape}"
            )
        items = [self.of(item, depth + 1) for item in value.items]
        return items if value.shape else items[0]

    def _count(self, value: Any, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise CorruptFileError(f"expected values up to {MAX_DEPTH} deep, got more")
        self._values -= 1
        if isinstance(value, np.ndarray | np.generic):
            self._words -= max(value.size, value.nbytes // 8)
        elif isinstance(value, str | bytes):
            self._words -= len(value) // 8
        if self._values < 0 or self._words < 0:
            raise CorruptFileError(
                f"expected up to {MAX_VALUES} values and arrays of up to {MAX_WORDS} elements "
                "together, got more"
            )


def _filled(slot: Slot) -> Any:
    if slot.held is None:
        raise damaged("an array has no content")
    return slot.held
