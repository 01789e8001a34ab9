"""What the package does where torch is not installed; run by ``test_without_torch.py``.

Runs the command lines that stdin holds, one after another; called with ``modules``, then imports
every module of the package and asks for every name at its top level. What each came to is printed
as JSON.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
from pathlib import Path


class NoTorch:
    """An import of torch fails as it does where there is none."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NoTorch())

import normlaws as nl  # noqa: E402 - torch is blocked before anything is imported
from normlaws.errors import MissingExtraError  # noqa: E402


def outcome(attempt, *arguments) -> str:
    """``""`` where something works, or how it fails."""
    try:
        attempt(*arguments)
    except MissingExtraError as error:
        return str(error)
    except Exception as error:
        return repr(error)
    return ""


def modules() -> dict[str, str]:
    root = Path(nl.__file__).parent
    files = sorted(path.relative_to(root.parent) for path in root.rglob("*.py"))
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files]
    imported = (name for name in names if not name.endswith("__main__"))
    found = {name: outcome(importlib.import_module, name) for name in imported}
    return found | {f"nl.{name}": outcome(getattr, nl, name) for name in nl.__all__}


def show_once(server) -> None:
    """In place of serving for ever: the page's contents, once."""
    from werkzeug.test import Client

    print(Client(server.app).get("/_dash-layout").status)


def command(words: list[str]) -> dict[str, object]:
    from normlaws.cli import main

    given, sys.argv = sys.argv, ["normlaws", *words]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
        finally:
            sys.argv = given
    return {"status": status, "out": out.getvalue(), "err": err.getvalue()}


def commands() -> list[dict[str, object]]:
    from werkzeug.serving import BaseWSGIServer

    BaseWSGIServer.serve_forever = show_once
    return [command(words) for words in json.load(sys.stdin)]


if __name__ == "__main__":
    answer = {"commands": commands(), "modules": modules() if "modules" in sys.argv else {}}
    assert "torch" not in sys.modules
    print(json.dumps(answer))
