"""``module:function`` in a study file: the one way in which user code is run."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from normlaws.errors import InputError

FACTORY_PATTERN = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"


def call_factory(name: str, *arguments: Any, **options: Any) -> Any:
    """Import the module of ``"package.module:function"`` and call the function.

    Raises:
        InputError: the module cannot be imported, or has no such function.
    """
    module_name, _, attribute = name.partition(":")
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise InputError(
            f"expected a module that can be imported in {name!r}, but {error}; install it, or add "
            "its folder to PYTHONPATH"
        ) from None
    factory = getattr(module, attribute, None)
    if not callable(factory):
        raise InputError(
            f"expected {attribute!r} to be a function of {module.__file__ or module_name}, "
            f"but it is {'not there' if factory is None else type(factory).__name__}"
        )
    return factory(*arguments, **options)
