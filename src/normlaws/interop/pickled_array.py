"""Arrays as a pickle describes them, checked word by word before numpy sees them.

A pickle asks for an array by naming a function of numpy and its arguments. Here such a request
stays a description; :func:`numbers` alone makes an array of it, never one of objects, whose bytes
would be pointers.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

import numpy as np

from normlaws.errors import CorruptFileError

MAX_ELEMENTS = 2**20  # of one array
MAX_DIMENSIONS = 8
_CODE = re.compile(r"([biufSUO])([1-9][0-9]{0,3})", re.ASCII)
_SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "O": (4, 8)}
_ORDERS = {"b": "|", "S": "|", "O": "|"}  # else "<>", or "|" for single bytes
_KINDS = "booleans, integers, floats of 2, 4 or 8 bytes and text"


class Named(Enum):
    """The names that a saved array needs; they are compared with, never called."""

    RECONSTRUCT = "_reconstruct"
    FROM_BUFFER = "_frombuffer"
    SCALAR = "scalar"
    ARRAY = "ndarray"
    DTYPE = "dtype"


@dataclass(eq=False)
class Dtype:
    """A type of elements; ``order`` of bytes follows the rest in a pickle."""

    kind: str
    size: int
    order: str = ""

    @property
    def width(self) -> int:
        """Bytes of an element."""
        return 4 * self.size if self.kind == "U" else self.size


@dataclass(eq=False)
class Objects:
    """An array of objects: its shape, and the list that it is to hold."""

    shape: tuple[int, ...]
    items: list[Any]


@dataclass(eq=False)
class Slot:
    """The place of an array, which a pickle names first and fills later."""

    held: np.ndarray | np.generic | Objects | None = None


def dtype_called(arguments: tuple[Any, ...]) -> Dtype:
    """The type that ``dtype(code, False, True)`` asks for."""
    code = arguments[0] if len(arguments) == 3 else None
    found = _CODE.fullmatch(code) if isinstance(code, str) else None
    if found is None:
        raise _refused("a type of elements", code)
    dtype = Dtype(found[1], int(found[2]))
    if dtype.size not in _SIZES.get(dtype.kind, (dtype.size,)):
        raise _refused("a type of elements", code)
    return dtype


def set_order(dtype: Dtype, state: object) -> None:
    """Take the order of bytes from the state ``(3, order, None, None, None, size, …)``."""
    if dtype.order or not isinstance(state, tuple) or len(state) != 8:
        raise _refused("the state of a type", state)
    version, order, *structure, size, alignment, flags = state
    usual = _ORDERS.get(dtype.kind, "|" if dtype.size == 1 and dtype.kind != "U" else "<>")
    whole = all(type(number) is int for number in (version, size, alignment, flags))
    sizes = (dtype.width,) if dtype.kind in "SU" else (-1,)
    if (
        not whole
        or version != 3
        or not (isinstance(order, str) and len(order) == 1 and order in usual)
        or any(part is not None for part in structure)
        or size not in sizes
    ):
        raise _refused("the state of a type", state)
    dtype.order = order


def array_state(state: object) -> np.ndarray | Objects:
    """The array of the state ``(1, shape, dtype, fortran, content)``."""
    if not isinstance(state, tuple) or len(state) != 5:
        raise _refused("the state of an array", state)
    version, shape, dtype, fortran, content = state
    if type(version) is not int or version != 1 or not isinstance(fortran, bool):
        raise _refused("the state of an array", state)
    if isinstance(dtype, Dtype) and dtype.kind == "O":
        if not isinstance(content, list):
            raise _refused("the content of an array of objects", content)
        return Objects(_shape(shape), content)
    return numbers(dtype, shape, fortran, content)


def from_buffer(arguments: tuple[Any, ...]) -> np.ndarray:
    """The array of ``_frombuffer(content, dtype, shape, order)``."""
    if len(arguments) != 4:
        raise _refused("an array", arguments)
    content, dtype, shape, order = arguments
    if not (isinstance(order, str) and order in ("C", "F")):
        raise _refused("the order of an array", order)
    return numbers(dtype, shape, order == "F", content)


def scalar(arguments: tuple[Any, ...]) -> np.generic:
    """The number of ``scalar(dtype, content)``."""
    if len(arguments) != 2:
        raise _refused("a number", arguments)
    number: Any = numbers(arguments[0], (), False, arguments[1])[()]
    return cast(np.generic, number)


def numbers(dtype: object, shape: object, fortran: bool, content: object) -> np.ndarray:
    """The one place where a stranger's bytes become an array: of numbers or text, and a copy.

    As numpy does when it loads one, the copy has this machine's order of bytes.
    """
    if not isinstance(dtype, Dtype) or dtype.kind not in "biufSU" or not dtype.order:
        raise _refused("a type of elements", getattr(dtype, "kind", dtype))
    sides = _shape(shape)
    if not isinstance(content, bytes):
        raise _refused("the content of an array", content)
    if math.prod(sides) * dtype.width != len(content):
        raise CorruptFileError(
            f"expected {math.prod(sides) * dtype.width} bytes for an array of shape {sides}, but "
            f"it is damaged: there are {len(content)}"
        )
    known = np.dtype(f"{dtype.order}{dtype.kind}{dtype.size}")
    flat = np.frombuffer(content, known) if content else np.zeros(0, known)
    _check_elements(dtype, content)
    shaped = flat.reshape(sides, order="F" if fortran else "C")
    return shaped.astype(known.newbyteorder("="), order="K")


def _check_elements(dtype: Dtype, content: bytes) -> None:
    """Not every byte is a boolean, nor every four of them a letter."""
    if dtype.kind == "b":
        codes, highest = np.frombuffer(content, np.uint8) if content else np.zeros(0), 1
    elif dtype.kind == "U":
        codes = np.frombuffer(content, f"{dtype.order}u4") if content else np.zeros(0)
        highest = 0x10FFFF
    else:
        return
    if codes.size and codes.max() > highest:
        raise CorruptFileError("expected booleans or text in an array, but its bytes are damaged")


def _shape(shape: object) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or len(shape) > MAX_DIMENSIONS:
        raise _refused("the shape of an array", shape)
    if any(type(side) is not int or not 0 <= side <= MAX_ELEMENTS for side in shape):
        raise _refused("the shape of an array", shape)
    if math.prod(max(side, 1) for side in shape) > MAX_ELEMENTS:
        raise _refused("the shape of an array", shape)
    return shape


def _refused(what: str, came: object) -> CorruptFileError:
    return CorruptFileError(
        f"refused {what} in a pickle, got {_shown(came)}; accepted are arrays of {_KINDS}, of up "
        f"to {MAX_DIMENSIONS} dimensions and {MAX_ELEMENTS} elements"
    )


def _shown(came: object) -> str:
    """A few letters of what came; nothing nested, which may be endless."""
    if isinstance(came, str):
        return ascii(came[:40])
    flat = isinstance(came, tuple) and len(came) < 40 and {int} >= set(map(type, came))
    if flat or isinstance(came, int):
        return ascii(came)[:60]
    return type(came).__name__
