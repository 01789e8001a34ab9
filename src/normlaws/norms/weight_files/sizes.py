"""How large the contents of a file of weights are, found out before PyTorch is asked to read it.

``torch.load(weights_only=True)`` runs no code, but it inflates what an archive says, calls
``bytearray`` or a tensor's class with any number, and hashes tuples that hold one another. So the
directory of the archive is summed, and the pickle's instructions are looked through, first.
"""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from torch import Tensor

from normlaws.errors import CorruptFileError, InputError, printable
from normlaws.storage.reading import check_plain, check_unfolded, reason

WHAT = "weights"
FLOOR = 64 * 2**20
"""Bytes that the tensors of any file may take."""
MAX_PICKLE = 8 * 2**20
MAX_INSTRUCTIONS = 1_000_000
MAX_NAME = 300  # letters
MAX_NESTED = 100_000  # values in a tuple, each as often as it is named
_PICKLES = 5  # in a file of the form before archives: magic, protocol, system, contents, keys
_BUFFER = re.compile(r"(builtins|__builtin__) bytearray")  # filled with zeros, of any length
_CLASS = re.compile(r"torch[\w.]* \w*Tensor")


def check_archive(path: Path) -> None:
    """Refuse archives that unfold to far more than their length, and hostile pickles in them.

    Raises:
        CorruptFileError: it is such a file, or is damaged.
    """
    stored = check_plain(path, WHAT)
    with path.open("rb") as stream:
        if stream.read(2) != b"PK":
            stream.seek(0)
            for _ in range(_PICKLES):
                _look_through(stream, path)
            return
    with zipfile.ZipFile(path) as archive:
        check_unfolded(sum(one.file_size for one in archive.infolist()), stored, WHAT, path, FLOOR)
        for member in archive.infolist():
            if member.filename.endswith("data.pkl"):
                if member.file_size > MAX_PICKLE:
                    raise _refused(path, f"a pickle of {member.file_size:,} bytes")
                _look_through(io.BytesIO(archive.read(member)), path)


def check_tensors(tensors: Iterable[Tensor], path: str, stored: int) -> None:
    """Refuse tensors without numbers, and those that are far larger than what is stored of them.

    Raises:
        InputError: a tensor is on the device ``meta``.
        CorruptFileError: tensors are expanded, or sparse with hardly an entry.
    """
    seen: set[tuple[Any, ...]] = set()
    size = 0
    for tensor in tensors:
        if tensor.is_meta:
            raise InputError(
                f"expected weights with numbers in {printable(path)}, got a tensor on the device "
                "meta, which has a shape alone; save the model after its weights are loaded"
            )
        if tensor.is_nested:
            raise InputError(f"expected plain tensors in {printable(path)}, got a nested one")
        key = (_address(tensor), tuple(tensor.shape))
        if key not in seen:
            seen.add(key)
            size += tensor.numel() * tensor.element_size()
    check_unfolded(size, stored, WHAT, path, FLOOR)


def _address(tensor: Tensor) -> int:
    try:
        return tensor.data_ptr()
    except (RuntimeError, NotImplementedError):  # sparse, or of a class of its own
        return id(tensor)


def _look_through(stream: IO[bytes], path: Path) -> None:
    """Follow one pickle's instructions without doing them; what cannot be followed is refused."""
    try:
        _Shadow(path).follow(pickletools.genops(stream))
    except CorruptFileError:
        raise
    except Exception as error:
        raise CorruptFileError(
            f"expected a state dict or safetensors at {printable(path)}, but it is damaged or "
            f"something else: {reason(error)}"
        ) from None


class _Shadow:
    """Stack and memo of a pickle, of which only sizes and names of callables are kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def follow(self, instructions: Iterator[tuple[Any, Any, int | None]]) -> None:
        for count, (opcode, argument, _) in enumerate(instructions):
            if count > MAX_INSTRUCTIONS:
                raise _refused(self._path, f"more than {MAX_INSTRUCTIONS:,} instructions")
            self._do(opcode, argument)

    def _do(self, opcode: Any, argument: Any) -> None:
        name, stack = opcode.name, self._stack
        if name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self._memo[int(argument)] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self._memo[int(argument)])
        elif name == "GLOBAL":
            if _BUFFER.fullmatch(argument):
                raise _refused(self._path, "a bytearray")
            if len(argument) > MAX_NAME:  # PyTorch's message takes the square of its length
                raise _refused(self._path, f"a name of {len(argument):,} letters")
            stack.append(argument)
        elif name in ("REDUCE", "NEWOBJ"):
            stack.pop()
            if not isinstance(stack[-1], str):
                raise _refused(self._path, "a call of what is no function")
            if _CLASS.fullmatch(stack[-1]):
                raise _refused(self._path, f"a call of {stack[-1].replace(' ', '.')}")
            stack[-1] = 1
        else:
            self._plain(opcode, name)

    def _plain(self, opcode: Any, name: str) -> None:
        """What takes values off the stack and puts values on it."""
        stack = self._stack
        taken: list[Any] = []
        before = opcode.stack_before
        if pickletools.markobject in before:
            while stack[-1] is not _MARK:
                taken.append(stack.pop())
            stack.pop()
            for _ in range(before.index(pickletools.markobject)):
                taken.append(stack.pop())
        else:
            taken = [stack.pop() for _ in before]
        size = 1
        if name.startswith("TUPLE"):
            size += sum(one for one in taken if isinstance(one, int))
            if size > MAX_NESTED:
                raise _refused(self._path, "tuples of tuples without end")
        for kind in opcode.stack_after:
            stack.append(_MARK if kind is pickletools.markobject else size)


_MARK = object()


def _refused(path: Path, what: str) -> CorruptFileError:
    return CorruptFileError(
        f"expected a state dict of tensors alone in {printable(path)}, but it holds {what}, which "
        "is refused"
    )
