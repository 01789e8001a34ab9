"""Pickles that no program writes, by name, each of which must be refused.

They are spelled instruction by instruction, name values that do nothing, and run nothing.
"""

from __future__ import annotations

import struct

import numpy as np

MULTI = b"cnumpy.core.multiarray\n"
ARRAY, DTYPE = b"cnumpy\nndarray\n", b"cnumpy\ndtype\n"
EMPTY = MULTI + b"_reconstruct\n" + ARRAY + b"K\x00\x85C\x01b\x87R"
BUFFER = b"cnumpy.core.numeric\n_frombuffer\n"
STATE = (3, "<", None, None, None, -1, -1, 0)


def npy(pickled):
    """A file with the header of a saved dictionary."""
    text = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }\n"
    return np.lib.format.magic(1, 0) + struct.pack("<H", len(text)) + text + pickled


def put(value):
    """A plain value as instructions; bytes in a list are taken as they are."""
    match value:
        case None:
            return b"N"
        case bool():
            return b"\x88" if value else b"\x89"
        case int():
            return b"\x8a\x08" + struct.pack("<q", value)
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            text = value.encode()
            return b"X" + struct.pack("<I", len(text)) + text
        case bytes():
            return b"B" + struct.pack("<I", len(value)) + value
        case tuple():
            return b"(" + b"".join(map(put, value)) + b"t"
        case list():
            return value[0]
    raise TypeError(value)


def dtype(code="f8", state=STATE, flags=(False, True)):
    return DTYPE + put((code, *flags)) + b"R" + (put(state) + b"b" if state else b"")


def array(shape=(1,), kind=None, content=bytes(8), fortran=False, version=1, more=()):
    state = (version, shape, [kind or dtype()], fortran, content, *more)
    return EMPTY + put(state) + b"b"


def held(value):
    """A dictionary with one value."""
    return b"}" + put("P_arr") + value + b"s."


def objects(state_kind="O8"):
    return dtype(state_kind, (3, "|", None, None, None, -1, -1, 63))


def doubled(first, again, times=30):
    """Each value holds the one before it twice."""
    steps = [first + b"q\x00"]
    steps += [again(b"h" + bytes([i])) + b"q" + bytes([i + 1]) for i in range(times)]
    return held(b"](" + b"".join(steps) + b"e")


def _list(name, times=2):
    return b"](" + name * times + b"e"


BOMBS = {
    "lists twice": doubled(b"]", _list),
    "lists ten times": doubled(b"]", lambda name: _list(name, 10), 9),
    "tuples twice": doubled(b")", lambda name: name * 2 + b"\x86"),
    "dictionaries twice": doubled(
        b"}", lambda name: b"}(" + put("a") + name + put("b") + name + b"u"
    ),
    "arrays of objects twice": doubled(
        b"]", lambda name: array((2,), objects(), [_list(name)], False)
    ),
    "one array often": held(
        b"](" + array((2**17,), None, bytes(2**20)) + b"q\x00" + b"h\x00" * 40_000 + b"e"
    ),
    "one content, many arrays": held(
        b"]("
        + array((2**17,), None, [put(bytes(2**20)) + b"q\x00"])
        + array((2**17,), None, [b"h\x00"]) * 100
        + b"e"
    ),
    "long text often": held(b"](" + put("a" * 2**20) + b"q\x00" + b"h\x00" * 40_000 + b"e"),
    "a list in itself": held(b"]q\x00h\x00a"),
    "an array in itself": held(
        EMPTY + b"q\x00" + put((1, (1,), [objects()], False, [b"]h\x00a"])) + b"b"
    ),
    "deep lists": held(b"]" * 40_000 + b"a" * 39_999),
    "deep tuples": held(b")" + b"\x85" * 90_000),
    "marks": b"(" * 90_000 + b".",
    "endless": b"]" * 2**21,
    "too large": held(put(bytes(2**23))),
    "bytes of 2**62": b"\x8e" + struct.pack("<Q", 2**62),
    "text of 2**64": b"\x8d" + struct.pack("<Q", 2**64 - 1),
    "bytearray of 2**40": b"\x96" + struct.pack("<Q", 2**40),
    "bytes of 2**32": b"B" + struct.pack("<I", 2**32 - 1) + b"abc",
    "a number of 2**31 bytes": b"\x8b" + struct.pack("<i", 2**31 - 1),
    "a long shape": held(array((2**40,))),
    "an overflowing shape": held(array((2**33, 2**33), None, b"")),
    "an empty shape": held(array((0, 2**20, 2**20), None, b"")),
    "many dimensions": held(array((1,) * 64)),
}

FORGED = {
    "an array of a buffer": held(ARRAY + put(((1,), "O", bytes(8))) + b"R"),
    "a subclass": held(MULTI + b"_reconstruct\n" + DTYPE + b"K\x00\x85C\x01b\x87R"),
    "empty of another shape": held(MULTI + b"_reconstruct\n" + ARRAY + put((9,)) + b"C\x01b\x87R"),
    "empty of objects": held(MULTI + b"_reconstruct\n" + ARRAY + b"K\x00\x85C\x01O\x87R"),
    "objects of bytes": held(array((1,), objects(), bytes(8))),
    "objects of a buffer": held(BUFFER + put((bytes(8), [objects()], (1,), "C")) + b"R"),
    "a number of objects": held(MULTI + b"scalar\n" + put(([objects()], bytes(8))) + b"R"),
    "too few objects": held(array((3,), objects(), [b"]"])),
    "planes of objects": held(array((1, 1), objects(), [b"]Na"])),
    "a number of a tuple": held(MULTI + b"scalar\n" + put((1, 2, 3)) + b"R"),
    "a negative side": held(array((-1, -1))),
    "a side of text": held(array(("1",))),
    "a true side": held(array((True,))),
    "no shape": held(array(None)),
    "a shape that does not fit": held(array((2,))),
    "text as content": held(array((1,), None, "12345678")),
    "no content": held(array((1,), None, None)),
    "no order in memory": held(array(fortran=1)),
    "order of a buffer": held(BUFFER + put((bytes(8), [dtype()], (1,), "K")) + b"R"),
    "another version": held(array(version=0)),
    "a longer state": held(array(more=(1,))),
    "no state": held(EMPTY),
    "two states": held(array() + put((1, (1,), [dtype()], False, bytes(8))) + b"b"),
    "a type as value": held(dtype()),
    "a name as value": held(ARRAY),
    "a called value": held(put("a") + b")R"),
    "arguments of a list": held(DTYPE + b"]R"),
    "a built dictionary": b"}}b.",
    "a type of no state": held(array(kind=dtype(state=None))),
    "a type of two states": held(array(kind=dtype() + put(STATE) + b"b")),
    "names of fields": held(array(kind=dtype("V8", (3, "|", None, ("a",), (("a", 1),), 8, 1, 16)))),
    "fields of a float": held(array(kind=dtype(state=(3, "<", None, ("a",), None, -1, -1, 0)))),
    "a subarray": held(array(kind=dtype(state=(3, "<", ("f8", (2,)), None, None, -1, -1, 0)))),
    "metadata": held(array(kind=dtype(state=(4, *STATE[1:], None)))),
    "a type of version 4": held(array(kind=dtype(state=(4, *STATE[1:])))),
    "a wide text": held(array(kind=dtype("U2", (3, "<", None, None, None, 2**30, 4, 8)))),
    "bytes out of order": held(array(kind=dtype(state=(3, "|", *STATE[2:])))),
    "own order": held(array(kind=dtype(state=(3, "=", *STATE[2:])))),
    "two orders": held(array(kind=dtype(state=(3, "<>", *STATE[2:])))),
    "no order": held(array(kind=dtype(state=(3, "", *STATE[2:])))),
    "true booleans of 7": held(array((8,), dtype("b1", (3, "|", *STATE[2:])), b"\x07" * 8)),
    "letters beyond all": held(
        array((2,), dtype("U1", (3, "<", None, None, None, 4, 4, 8)), b"\xff" * 8)
    ),
    **{
        f"the type {code}": held(array(kind=dtype(code)))
        for code in ("f8,O", "(2,)f8", "V8", "M8", "c8", "f3", "i16", "O", "", "f8\n", "U٣")
    },
    "a type of a number": held(array(kind=dtype(8))),
    "a key that is a number": b"}NNs.",
    "a key that is a list": b"}]Ns.",
    "a key without a value": b"}(Nu.",
    "nothing": b"",
    "no end": b"}",
    "an end at once": b".",
    "two values": b"}}.",
    "an open mark": b"}(.",
    "junk behind": b"}.}",
    "no mark": b"}u.",
    "a tuple of nothing": b"\x87.",
    "nothing set aside": b"h\x00.",
    "appended to a dictionary": b"}Na.",
    "set in a list": b"]" + put("a") + b"Ns.",
    "text that is none": b"X\x01\x00\x00\x00\xff.",
    "half a name": b"cnumpy",
    "a name of numbers": b"K\x00K\x00\x93.",
    "protocol 9": b"\x80\x09}.",
    "a list": b"].",
    "a name with an escape": b"cos\x1b[2J\nx\n.",
}
