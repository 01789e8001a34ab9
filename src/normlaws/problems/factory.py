"""``module:function`` in a study file: the one way in which user code is run."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from normlaws.errors import InputError

_INSTALLED = (
    "<",
    str(Path(__file__).parents[1]),
    *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
)
FACTORY_PATTERN = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"


def call_factory(name: str, *arguments: Any, **options: Any) -> Any:
    """Import the module of ``"package.module:function"`` and call the function.

    Raises:
        InputError: the module cannot be imported, has no such function, or the function raises.
    """
    module_name, _, attribute = name.partition(":")
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise InputError(
            f"expected a module that can be imported in {name!r}, but {error}; install it, put it "
            "beside the study file, or add its folder to PYTHONPATH"
        ) from None
    except Exception as error:
        raise InputError(f"expected to import {module_name!r}, but {told(error)}") from error
    factory = getattr(module, attribute, None)
    if not callable(factory):
        raise InputError(
            f"expected {attribute!r} to be a function of {module.__file__ or module_name}, "
            f"but it is {'not there' if factory is None else type(factory).__name__}"
        )
    try:
        return factory(*arguments, **options)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"expected {name!r} to return, but {told(error)}") from error


def importable(folder: Path | None) -> None:
    """Let modules of a folder be imported, after those that are installed."""
    if folder is not None and str(folder) not in sys.path:
        sys.path.append(str(folder))


def told(error: Exception) -> str:
    """An exception's own last line, and the line of the user's code that it comes from."""
    said = f"{type(error).__name__}: {error}".strip()
    place = _users_line(error)
    return f"{said} ({place})" if place else said


def _users_line(error: Exception) -> str:
    """``file:line`` of the innermost frame that is neither ours nor of an installed package."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not any(map(frame.filename.startswith, _INSTALLED))]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else ""
