"""Optional dependencies: what is not installed is told with the extra that brings it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from normlaws.errors import MissingExtraError


@contextmanager
def needed(feature: str, extra: str, package: str | None = None) -> Iterator[None]:
    """Import the package of an extra before the imports in the block, which build on it.

    A package that is installed and broken raises what it raises: installing it would not help.

    Args:
        feature: what the imports are for.
        extra: brings the package.
        package: the name that is imported; that of the extra by default.

    Raises:
        MissingExtraError: the package is not installed.
    """
    package = package or extra
    try:
        import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise MissingExtraError(feature, extra) from None
    yield


__all__ = ["needed"]
