"""Distributions built from this tree, an environment with them alone, and light ones on top of it.

The base environment holds the wheel and its core dependencies; another, upon it, the extra
``torch``: gigabytes, so it is made once. An extra's environment sees those that it needs through a
``.pth`` file and holds only what the extra adds; pip resolves against all.
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
    def create(cls, root: Path, *upon: Environment) -> Environment:
        subprocess.run([sys.executable, "-m", "venv", root], check=True)
        made = cls(root)
        below = "".join(f"{one.packages}\n" for one in upon)
        (made.packages / "below.pth").write_text(below, encoding="utf-8")
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
def with_torch(base, wheel, tmp_path_factory) -> Environment:
    """The wheel with the extra ``torch`` alone."""
    made = Environment.create(tmp_path_factory.mktemp("torch") / "venv", base)
    made.install(f"normlaws[torch] @ {wheel.as_uri()}")
    return made


@pytest.fixture(scope="session")
def torch_free() -> set[str]:
    """Extras that bring no torch."""
    return {"loggers", "explore", "docs"}


@pytest.fixture(scope="session")
def below(torch_free, request) -> Callable[[str], list[Environment]]:
    """The environments that an extra is installed upon: the base, with torch or without."""

    def find(extra: str) -> list[Environment]:
        names = ["base"] if extra in {"torch", *torch_free} else ["base", "with_torch"]
        return [request.getfixturevalue(name) for name in names]

    return find


@pytest.fixture(scope="session")
def with_extra(below, wheel, request, tmp_path_factory) -> Callable[[str], Environment]:
    """A maker of environments with one extra."""

    def make(extra: str) -> Environment:
        if extra == "torch":
            return request.getfixturevalue("with_torch")
        made = Environment.create(tmp_path_factory.mktemp(extra) / "venv", *below(extra))
        made.install(f"normlaws[{extra}] @ {wheel.as_uri()}")
        return made

    return make
