"""The instructions of a pickle, followed one by one: plain values and arrays, no calls.

Python's own machine calls whatever a pickle names. This one knows the instructions that a saved
dictionary of arrays needs, in protocols 2 to 5, and refuses every other. It makes text, numbers,
tuples, lists, dictionaries and the descriptions of :mod:`normlaws.interop.pickled_array`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from normlaws.errors import CorruptFileError
from normlaws.interop.pickled_array import (
    Dtype,
    Named,
    Objects,
    Slot,
    array_state,
    dtype_called,
    from_buffer,
    scalar,
    set_order,
)

MAX_STEPS = 100_000
MAX_BYTES = 8 * 2**20  # of all arrays together
MAX_NAME = 100
NAMES = {
    **{
        (f"numpy.{core}.multiarray", "_reconstruct"): Named.RECONSTRUCT
        for core in ("core", "_core")
    },
    **{(f"numpy.{core}.multiarray", "scalar"): Named.SCALAR for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): Named.FROM_BUFFER for core in ("core", "_core")},
    ("numpy", "ndarray"): Named.ARRAY,
    ("numpy", "dtype"): Named.DTYPE,
}
ACCEPTED = "accepted are numpy arrays, numbers, text and dictionaries of them"


class Machine:
    """A stack, the marks in it, and what was set aside to be named again."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0
        self._room = MAX_BYTES
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stacks under each mark
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """What the pickle describes.

        Raises:
            CorruptFileError: damaged, too long, or more than plain values and arrays.
        """
        for _ in range(MAX_STEPS):
            code = self.take(1)
            if code == b".":
                return self._whole()
            if code not in STEPS:
                raise CorruptFileError(
                    f"refused the instruction {ascii(code)[1:]} of a pickle; {ACCEPTED}"
                )
            STEPS[code](self)
        raise CorruptFileError(f"expected a pickle of up to {MAX_STEPS} instructions, got more")

    def _whole(self) -> Any:
        if self.below or len(self.stack) != 1:
            raise damaged("it does not hold exactly one value")
        if self._place != len(self._content):
            raise damaged(f"{len(self._content) - self._place} bytes follow its end")
        return self.stack[0]

    def take(self, length: int) -> bytes:
        """The next bytes."""
        end = self._place + length
        if end > len(self._content):
            raise damaged(f"{length} bytes are wanted where {end - len(self._content)} are missing")
        self._place, start = end, self._place
        return self._content[start:end]

    def line(self) -> str:
        """The next line, which holds half a name."""
        end = self._content.find(b"\n", self._place, self._place + MAX_NAME)
        if end < 0:
            raise damaged("a name does not end")
        return self.take(end + 1 - self._place)[:-1].decode("latin-1")

    def unpack(self, form: str) -> Any:
        """The next number."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def pop(self) -> Any:
        """The topmost value."""
        if not self.stack:
            raise damaged("a value is wanted where none is")
        return self.stack.pop()

    def top(self, kind: type) -> Any:
        """The topmost value, which stays."""
        if not self.stack or type(self.stack[-1]) is not kind:
            raise damaged(f"a {kind.__name__} is wanted where none is")
        return self.stack[-1]

    def last(self, count: int) -> tuple[Any, ...]:
        """The topmost values, taken away."""
        return tuple(reversed([self.pop() for _ in range(count)]))

    def marked(self) -> list[Any]:
        """The values above the last mark, taken away with it."""
        if not self.below:
            raise damaged("a mark is wanted where none is")
        above, self.stack = self.stack, self.below.pop()
        return above

    def keep(self, array: Any) -> Any:
        """Count the bytes of a new array, so that no bytes become many arrays."""
        self._room -= getattr(array, "nbytes", 0)
        if self._room < 0:
            raise CorruptFileError(f"expected arrays of up to {MAX_BYTES} bytes together, got more")
        return array


def damaged(how: str) -> CorruptFileError:
    """The error of a pickle that no program wrote."""
    return CorruptFileError(f"expected a pickle in a .npy file, but it is damaged: {how}")


Step = Callable[[Machine], None]


def _value(make: Callable[[Machine], Any]) -> Step:
    def step(machine: Machine) -> None:
        value = make(machine)  # first: it may exchange the stack
        machine.stack.append(value)

    return step


def _number(form: str) -> Step:
    return _value(lambda machine: machine.unpack(form))


def _bytes(form: str) -> Step:
    return _value(lambda machine: machine.take(machine.unpack(form)))


def _text(form: str) -> Step:
    return _value(lambda machine: _decoded(machine.take(machine.unpack(form))))


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise damaged("text is not UTF-8") from None


def _integer(machine: Machine) -> int:
    return int.from_bytes(machine.take(machine.unpack("<B")), "little", signed=True)


def _tuple(count: int) -> Step:
    return _value(lambda machine: machine.last(count))


def _mark(machine: Machine) -> None:
    machine.below.append(machine.stack)
    machine.stack = []


def _put(place: Callable[[Machine], int]) -> Step:
    def step(machine: Machine) -> None:
        value = machine.pop()
        machine.stack.append(value)
        machine.memo[place(machine)] = value

    return step


def _get(form: str) -> Step:
    def step(machine: Machine) -> None:
        place = machine.unpack(form)
        if place not in machine.memo:
            raise damaged("a value is named that was not set aside")
        machine.stack.append(machine.memo[place])

    return step


def _append(machine: Machine) -> None:
    value = machine.pop()
    machine.top(list).append(value)


def _extend(machine: Machine) -> None:
    values = machine.marked()
    machine.top(list).extend(values)


def _set_item(machine: Machine) -> None:
    _set(machine, list(machine.last(2)))


def _set_items(machine: Machine) -> None:
    _set(machine, machine.marked())


def _set(machine: Machine, pairs: list[Any]) -> None:
    """Fill a dictionary; its keys are text, which no stranger can make collide."""
    if len(pairs) % 2:
        raise damaged("a key has no value")
    if not all(isinstance(key, str) for key in pairs[::2]):
        raise CorruptFileError("expected dictionaries whose keys are text, got another key")
    machine.top(dict).update(zip(pairs[::2], pairs[1::2], strict=True))


def _protocol(machine: Machine) -> None:
    if (protocol := machine.unpack("<B")) not in (2, 3, 4, 5):
        raise CorruptFileError(f"expected a pickle of protocol 2 to 5, got {protocol}")


def _global(machine: Machine) -> Named:
    return _named(machine.line(), machine.line())


def _stack_global(machine: Machine) -> Named:
    return _named(*machine.last(2))


def _named(module: Any, name: Any) -> Named:
    """One of the known names; nothing is imported or looked up."""
    if not (isinstance(module, str) and isinstance(name, str)):
        raise damaged("a name is not text")
    if (module, name) not in NAMES:
        shown = ascii(f"{module[:MAX_NAME]}.{name[:MAX_NAME]}")[1:-1]
        raise CorruptFileError(f"refused to load the name {shown} from a pickle; {ACCEPTED}")
    return NAMES[module, name]


def _call(machine: Machine) -> Any:
    """Describe what a known name would have returned."""
    name, arguments = machine.last(2)
    if not isinstance(arguments, tuple):
        raise damaged("arguments are no tuple")
    if name is Named.DTYPE:
        return dtype_called(arguments)
    if name is Named.RECONSTRUCT:
        return _empty_slot(arguments)
    if name is Named.FROM_BUFFER:
        return Slot(machine.keep(from_buffer(arguments)))
    if name is Named.SCALAR:
        return Slot(machine.keep(scalar(arguments)))
    raise CorruptFileError(f"refused to call another value in a pickle; {ACCEPTED}")


def _empty_slot(arguments: tuple[Any, ...]) -> Slot:
    """``_reconstruct(ndarray, (0,), b"b")``, as numpy writes it and not otherwise."""
    plain = (
        len(arguments) == 3
        and arguments[0] is Named.ARRAY
        and type(arguments[1]) is tuple
        and [*map(type, arguments[1])] == [int]
        and arguments[1][0] == 0
        and arguments[2] == b"b"
    )
    if not plain:
        raise CorruptFileError(f"refused an array that is not empty at first; {ACCEPTED}")
    return Slot()


def _build(machine: Machine) -> None:
    """Give a described type or array its state, once."""
    state = machine.pop()
    target = machine.stack[-1] if machine.stack else None
    if isinstance(target, Dtype):
        set_order(target, state)
    elif isinstance(target, Slot) and target.held is None:
        made = array_state(state)
        target.held = made if isinstance(made, Objects) else machine.keep(made)
    else:
        raise CorruptFileError(f"refused to change a value in a pickle; {ACCEPTED}")


def _frame(machine: Machine) -> None:
    machine.take(8)  # a hint for reading from a stream: the whole content is here


STEPS: dict[bytes, Step] = {
    b"\x80": _protocol,
    b"\x95": _frame,
    b"N": _value(lambda _: None),
    b"\x88": _value(lambda _: True),
    b"\x89": _value(lambda _: False),
    b"K": _number("<B"),
    b"M": _number("<H"),
    b"J": _number("<i"),
    b"G": _number(">d"),
    b"\x8a": _value(_integer),
    b"\x8c": _text("<B"),
    b"X": _text("<I"),
    b"\x8d": _text("<Q"),
    b"C": _bytes("<B"),
    b"B": _bytes("<I"),
    b"\x8e": _bytes("<Q"),
    b"\x96": _bytes("<Q"),
    b")": _value(lambda _: ()),
    b"]": _value(lambda _: []),
    b"}": _value(lambda _: {}),
    b"(": _mark,
    b"t": _value(lambda machine: tuple(machine.marked())),
    b"\x85": _tuple(1),
    b"\x86": _tuple(2),
    b"\x87": _tuple(3),
    b"a": _append,
    b"e": _extend,
    b"s": _set_item,
    b"u": _set_items,
    b"q": _put(lambda machine: machine.unpack("<B")),
    b"r": _put(lambda machine: machine.unpack("<I")),
    b"\x94": _put(lambda machine: len(machine.memo)),
    b"h": _get("<B"),
    b"j": _get("<I"),
    b"c": _value(_global),
    b"\x93": _value(_stack_global),
    b"R": _value(_call),
    b"b": _build,
}
