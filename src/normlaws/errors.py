"""The few named failures and warnings.

Every message is one sentence that says what was expected, what came, and what would be accepted.
The command line prints the message of any :class:`NormlawsError` and exits with status 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


class NormlawsError(Exception):
    """Base of every failure that a user can mend."""


class InputError(NormlawsError, ValueError):
    """A value that was handed in is not one that can be used."""


class DataNotFoundError(NormlawsError, FileNotFoundError):
    """A data set, study or file is not where it was looked for."""

    def __str__(self) -> str:
        return " ".join(str(arg) for arg in self.args)


class CorruptFileError(NormlawsError, ValueError):
    """A file is truncated, damaged, or holds something that is refused."""


class StudyConflictError(NormlawsError):
    """A folder holds another study, or another process is writing to it."""


class ClusterError(NormlawsError):
    """The machines that do the runs are not there, or cannot do them."""


class MissingExtraError(NormlawsError, ImportError):
    """A feature needs an optional dependency; the message names the extra that brings it."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs an optional dependency that is not installed; "
            f"install it with: pip install 'normlaws[{extra}]'"
        )
        self.extra = extra


class NormlawsWarning(UserWarning):
    """Something was measured or fitted in a way the user should know about."""


def allowed(names: Iterable[object]) -> str:
    """Join the accepted values for the end of a message: ``"a, b or c"``."""
    words = [str(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def meant(name: object, known: Iterable[object]) -> str:
    """Those of the accepted values that are alike, as a question to end a message with."""
    alike = get_close_matches(str(name), [str(one) for one in known], n=3, cutoff=0.6)
    return f"; did you mean {allowed(alike)}?" if alike else ""


def printable(text: object) -> str:
    """Text that a terminal only shows: what would steer it, or cannot be encoded, is escaped."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], str(text))


__all__ = [
    "ClusterError",
    "CorruptFileError",
    "DataNotFoundError",
    "InputError",
    "MissingExtraError",
    "NormlawsError",
    "NormlawsWarning",
    "StudyConflictError",
    "allowed",
    "meant",
    "printable",
]
