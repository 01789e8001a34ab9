"""Plain options converted without pydantic, whose import takes as long as all else together."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

import typer

from normlaws.errors import allowed

_KINDS: dict[Any, str] = {int: "a whole number", float: "a number", str: "text", Path: "a path"}


def lighten(params: Iterable[Any]) -> None:
    """Give parameters of plain types a quick conversion in place of typer's.

    Flags that are absent are false at once. Versions of typer that convert without pydantic, and
    types other than text, paths, numbers, choices and lists of them, stay as they are.
    """
    for param in params:
        if getattr(param, "is_flag", False) and param.default is None:
            param.default = False
        described = getattr(param, "type_descriptor", None)
        if described is None or not hasattr(param, "_runtime_param"):
            continue
        annotation = described.annotation
        one = get_args(annotation)[0] if get_origin(annotation) is list else annotation
        plain = one in _KINDS or (isinstance(one, type) and issubclass(one, Enum))
        if plain and getattr(described.parameter_info, "parser", None) is None:
            param._runtime_param = Plain(one, annotation is not one, described.parameter_info)


class Plain:
    """Text, a path, a number, a choice, or a list of one of these.

    Args:
        kind: type of one value.
        several: whether values come as a list.
        info: typer's description, whose ``min`` and ``max`` bound numbers.
    """

    def __init__(self, kind: type[Any], several: bool, info: Any) -> None:
        self.kind, self.several = kind, several
        self.low, self.high = getattr(info, "min", None), getattr(info, "max", None)

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as the verb takes it.

        Raises:
            typer.BadParameter: it is no such value, or out of bounds.
        """
        if value is None:
            return () if self.several else None
        if self.several:
            return [self._one(item, param, ctx) for item in value]
        return self._one(value, param, ctx)

    def _one(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            found = self.kind(value)
        except ValueError:
            found = None
        if found is None or not self._inside(found):
            raise typer.BadParameter(
                f"expected {self._wanted()}, got {str(value)[:80]!r}", ctx, param
            )
        return found

    def _inside(self, value: Any) -> bool:
        low, high = self.low, self.high
        return (low is None or value >= low) and (high is None or value <= high)

    def _wanted(self) -> str:
        if issubclass(self.kind, Enum):
            return allowed([str(one.value) for one in self.kind])
        at_least = "" if self.low is None else f", {self.low:g} or more"
        at_most = "" if self.high is None else f", at most {self.high:g}"
        return f"{_KINDS[self.kind]}{at_least}{at_most}"
