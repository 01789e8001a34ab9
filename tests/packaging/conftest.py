"""Distributions built from this tree, an environment with them alone, and light ones on top of it.

The base environment holds the wheel and its core dependencies, torch among them: gigabytes, so it
is made once. An extra's environment sees it through a ``.pth`` file and holds only what the extra
adds; pip resolves against both.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and how to run what is in it."""

    root: Path

    @classmethod
    def create(cls, root: Path, upon: Environment | None = None) -> Environment:
        subprocess.run([sys.executable, "-m", "venv", root], check=True)
        made = cls(root)
        if upon is not None:
            (made.packages / "base.pth").write_text(f"{upon.packages}\n", encoding="utf-8")
        return made

    @property
    def packages(self) -> Path:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.root / "lib" / version / "site-packages"

    def run(self, command: str, *arguments: object, cwd: Path, ok: bool = True) -> str:
        """Standard output, or standard error of a command that is meant to fail."""
        answer = subprocess.run(
            [self.root / "bin" / command, *map(str, arguments)],
            cwd=cwd,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        said = f"{command} {arguments}\n{answer.stdout}\n{answer.stderr}"
        assert (answer.returncode == 0) == ok, said
        return answer.stdout if ok else answer.stderr

    def install(self, *what: object) -> None:
        self.run("pip", "install", "--quiet", *what, cwd=self.root)


def clean_environment() -> dict[str, str]:
    """This process's environment without what would let the source tree in."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV", "PYTEST_ADDOPTS")
    return {name: value for name, value in os.environ.items() if name not in hidden}


@pytest.fixture(scope="session")
def dist(tmp_path_factory) -> Path:
    """Folder of the sdist, and of the wheel that is built from it."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", out, ROOT], check=True)
    return out


@pytest.fixture(scope="session")
def wheel(dist) -> Path:
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def sdist(dist) -> Path:
    (found,) = dist.glob("*.tar.gz")
    return found


@pytest.fixture(scope="session")
def base(wheel, tmp_path_factory) -> Environment:
    """The wheel without extras."""
    made = Environment.create(tmp_path_factory.mktemp("base") / "venv")
    made.install(wheel)
    return made


@pytest.fixture(scope="session")
def with_extra(base, wheel, tmp_path_factory) -> Callable[[str], Environment]:
    """A maker of environments with one extra."""

    def make(extra: str) -> Environment:
        made = Environment.create(tmp_path_factory.mktemp(extra) / "venv", upon=base)
        made.install(f"normlaws[{extra}] @ {wheel.as_uri()}")
        return made

    return make
