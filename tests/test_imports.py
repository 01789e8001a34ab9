"""The rooms import only what DESIGN allows; see CONTRIBUTING.md for the picture."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import normlaws

SOURCE = Path(normlaws.__file__).parent
OPEN = {"errors", "version", "arrays", "lazy", "extras", "storage", "display"}  # to every room
BASE = OPEN | {"curves"}
ROOMS_ALLOWED = {
    "errors": set(),
    "version": set(),
    "arrays": set(),
    "lazy": set(),
    "extras": {"errors"},
    "storage": {"errors", "version"},
    "display": {"errors"},
    "curves": OPEN,
    "norms": OPEN,
    "problems": OPEN,
    "gauges": OPEN | {"norms"},
    "laws": BASE,
    "theory": BASE,
    "interop": BASE,
    "tracking": BASE | {"norms", "gauges"},
    "training": BASE | {"problems", "norms", "gauges"},
    "studies": BASE | {"training", "problems", "theory"},
    "report": BASE | {"laws", "theory"},
    "explore": BASE | {"laws", "theory", "report"},
    "cli": BASE
    | {
        "norms",
        "gauges",
        "problems",
        "laws",
        "theory",
        "interop",
        "tracking",
        "training",
        "studies",
        "report",
        "explore",
    },
}
TORCH_FREE = {
    "errors",
    "version",
    "arrays",
    "lazy",
    "extras",
    "storage",
    "display",
    "curves",
    "laws",
    "theory",
    "interop",
    "report",
    "explore",
}
HEAVY_IN_CLI = {
    "torch",
    "pandas",
    "numpy",
    "scipy",
    "sklearn",
    "matplotlib",
    "pydantic",
    "pyarrow",
    "dash",
}


def imports(tree: ast.AST, within_plot: bool = False):
    """Yield (module, inside a function named plot, inside any function or TYPE_CHECKING block)."""
    stack = [(tree, False, False)]
    while stack:
        node, plot, lazy = stack.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, plot, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "rooms import by absolute names"
            if node.module == "normlaws":
                yield from ((f"normlaws.{alias.name}", plot, lazy) for alias in node.names)
            else:
                yield (node.module, plot, lazy)
        plot = plot or (isinstance(node, ast.FunctionDef) and node.name == "plot")
        lazy = lazy or isinstance(node, ast.FunctionDef)
        lazy = lazy or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        stack.extend((child, plot, lazy) for child in ast.iter_child_nodes(node))


def files():
    for path in sorted(SOURCE.rglob("*.py")):
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if not room.startswith("__"):
            yield pytest.param(room, path, id=str(path.relative_to(SOURCE)))


@pytest.mark.parametrize(("room", "path"), list(files()))
def test_room_imports_only_what_it_may(room, path):
    assert room in ROOMS_ALLOWED, f"{room} is not a room of the house"
    for module, within_plot, lazy in imports(ast.parse(path.read_text(encoding="utf-8"))):
        parts = module.split(".")
        if parts[0] == "normlaws" and len(parts) > 1 and parts[1] != room:
            drawing = parts[1] == "report" and within_plot
            assert drawing or parts[1] in ROOMS_ALLOWED[room], f"{room} may not import {module}"
        if room in TORCH_FREE:
            assert parts[0] != "torch", f"{room} may not import torch"
        if room == "cli" and not lazy:
            assert parts[0] not in HEAVY_IN_CLI, f"cli imports {module} before it is needed"


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(SOURCE.parent)},
    )
    return set(answer.stdout.split())


def test_importing_the_package_loads_no_torch():
    assert not loaded_by("import normlaws") & {"torch", "pandas", "numpy"}


def test_rooms_for_stored_curves_load_no_torch():
    rooms = ", ".join(f"normlaws.{room}" for room in sorted(TORCH_FREE))
    assert "torch" not in loaded_by(f"import {rooms}")


def test_commands_load_nothing_heavy_until_called():
    assert not loaded_by("from normlaws import cli; cli._add_verbs()") & HEAVY_IN_CLI


def test_presets_are_listed_without_what_trains_them():
    listing = "from normlaws.cli import presets; presets.presets()"
    assert not loaded_by(f"import normlaws.cli; {listing}") & HEAVY_IN_CLI
