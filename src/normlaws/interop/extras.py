"""Logging packages, imported where they are needed; the error names the extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from normlaws.errors import MissingExtraError

EXTRA = "loggers"


def optional(module: str, feature: str) -> Any:
    """Import a module of an optional package.

    Raises:
        MissingExtraError: the package is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(feature, EXTRA) from None
