"""The header of a ``.npy`` file, read by its letters: nothing in it is evaluated.

numpy writes the header as a Python dictionary and reads it back as one, then builds a type from
what a stranger wrote. Only one header is wanted here, that of objects, so it is compared.
"""

from __future__ import annotations

import re

from normlaws.errors import CorruptFileError

MAGIC = b"\x93NUMPY"
VERSIONS = {b"\x01\x00": 2, b"\x02\x00": 4}  # bytes that hold the length of the header
MAX_HEADER = 10_000
_HEADER = re.compile(
    r"\{'descr': (?P<descr>[^\n]{1,9000}?), 'fortran_order': (?:True|False), "
    r"'shape': \([0-9, ]*\), \} *\n"
)
_OBJECTS = ("'|O'", "'O'")


def objects_inside(content: bytes) -> bytes:
    """What follows the header of a ``.npy`` file that holds objects: a pickle.

    Raises:
        CorruptFileError: another file, a header that numpy does not write, or plain numbers.
    """
    start = len(MAGIC) + 2
    width = VERSIONS.get(content[len(MAGIC) : start])
    if not content.startswith(MAGIC) or width is None:
        raise CorruptFileError("expected a .npy file of version 1 or 2, got something else")
    length = int.from_bytes(content[start : start + width], "little")
    begin, end = start + width, start + width + length
    if length > MAX_HEADER or end > len(content):
        raise CorruptFileError(
            f"expected a .npy file, but it is damaged: its header of {length} bytes is longer "
            f"than the file or than the {MAX_HEADER} that are allowed"
        )
    found = _HEADER.fullmatch(content[begin:end].decode("latin-1"))
    if found is None:
        raise CorruptFileError("expected a .npy file, but its header is not one that numpy writes")
    if found["descr"] not in _OBJECTS:
        shown = ascii(found["descr"].strip("'")[:40])
        raise CorruptFileError(f"expected a dictionary of arrays, got a plain array of {shown}")
    return content[end:]
