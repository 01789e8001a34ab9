"""Every block of code in the docs and the README runs, or says why it does not.

Blocks of a page run in order, in one namespace and one empty folder. What a page takes as given
(functions of the reader's, a study already run) is made by ``given/NAME_OF_PAGE.py`` first.

- ``python``: run. ``toml``: read, as a study where it is one. ``json``: read.
- ``bash``: commands of ``normlaws`` are called, ``run`` at a small scale; a ``python`` script or a
  target of ``make`` must exist (``test_commands.py`` starts the scripts, and runs quick ones).
- A block with a ``title="FILE"`` is that file, and is written for the blocks after it.
- ``text`` is output, as is a block that names no language and starts with no command.

Behind ``<!-- not run: REASON -->`` a block must only be well formed.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from normlaws.cli import main
from normlaws.studies import Study, presets

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
GIVEN = Path(__file__).parent / "given"
FENCE = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+?) -->\n+)?"
    r"^(?P<fence>`{3,})(?P<head>[^\n`]*)\n(?P<code>.*?)^(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
SCALE = "0.03"
PROGRAMS = {"make", "normlaws", "pip", "python", "python3"}
STUDY_KEYS = {"extends", "sizes"}


@dataclass(frozen=True)
class Block:
    """A fenced block; ``line`` is that of its first line of code, from 1."""

    page: Path
    line: int
    language: str
    title: str | None
    reason: str | None
    code: str

    @classmethod
    def of(cls, page: Path, found: re.Match[str]) -> Block:
        language, _, rest = found["head"].strip().partition(" ")
        if not language:
            language = "bash" if found["code"].split()[0] in PROGRAMS else "text"
        title = re.search(r'title="([^"]+)"', rest)
        line = page.read_text(encoding="utf-8").count("\n", 0, found.start("code")) + 1
        return cls(page, line, language, title and title[1], found["reason"], found["code"])

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def compiled(self) -> Any:
        """The code object, whose tracebacks show lines of the page."""
        tree = ast.parse(self.code, self.where)
        return compile(ast.increment_lineno(tree, self.line - 1), str(self.page), "exec")


def blocks_of(page: Path) -> list[Block]:
    return [Block.of(page, found) for found in FENCE.finditer(page.read_text(encoding="utf-8"))]


def named(pages: list[Path]) -> list[Any]:
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages]


@pytest.mark.slow
@pytest.mark.usefixtures("small_perceptron")
@pytest.mark.parametrize("page", named([page for page in PAGES if blocks_of(page)]))
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT / "src")]))
    monkeypatch.setattr("normlaws.report.html._DPI", 40)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    given = GIVEN / f"{page.stem}.py"
    if given.exists():
        exec(compile(given.read_text(encoding="utf-8"), str(given), "exec"), namespace)
    for block in blocks_of(page):
        if block.title:
            Path(block.title).write_text(block.code, encoding="utf-8")
        check(block, namespace, monkeypatch)


def test_what_is_given_belongs_to_a_page():
    assert {path.stem for path in GIVEN.glob("*.py")} <= {page.stem for page in PAGES}


def check(block: Block, namespace: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    if block.language == "python":
        code = block.compiled()
        if not (block.reason or block.title):
            exec(code, namespace)
    elif block.language == "toml":
        values = tomllib.loads(block.code)
        if STUDY_KEYS & set(values):
            Study.load(values)
    elif block.language == "bash":
        subprocess.run(["bash", "-n", "-c", block.code], check=True)
        for command in commands(block.code) if not block.reason else ():
            call(block, command, monkeypatch)
    elif block.language == "json":
        json.loads(block.code)
    else:
        assert block.language == "text", f"{block.where}: no such language, {block.language!r}"


def commands(script: str) -> list[list[str]]:
    """Words of every command, joined over ``\\`` and ``&&``, without comments."""
    lines = script.replace("\\\n", " ").replace("&&", "\n").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def call(block: Block, command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    program, *arguments = command
    if program == "normlaws":
        monkeypatch.setattr(sys, "argv", [program, *small(arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, f"{block.where}: {command} ended with {ended.value.code}"
    elif program == "python":
        assert (ROOT / arguments[0]).is_file(), f"{block.where}: no such script, {arguments[0]}"
    elif program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(arguments) <= set(targets), f"{block.where}: no such target, {arguments}"


def small(arguments: list[str]) -> list[str]:
    """The same command, a preset shrunk and in a folder apart."""
    if arguments[0] != "run" or arguments[1] not in presets():
        return arguments
    scale = [] if "--scale" in arguments else ["--scale", SCALE]
    return [*arguments, *scale, "--out", f"runs/small-{arguments[1]}"]
