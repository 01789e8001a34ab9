"""Print every declared dependency at its floor, one requirement per line: ``>=`` becomes ``==``.

``make test-oldest`` installs what this prints. Extras of the package itself are resolved.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

OWN = re.compile(r"normlaws\[(?P<extras>[\w,]+)\]")


def requirements(project: dict, extra: str | None = None) -> Iterator[str]:
    """What the package needs, with everything that one of its extras adds."""
    listed = project["dependencies"] if extra is None else project["optional-dependencies"][extra]
    for requirement in listed:
        own = OWN.fullmatch(requirement)
        if own is None:
            yield requirement
            continue
        for name in own["extras"].split(","):
            yield from requirements(project, name)


def floors(project: dict, extra: str) -> list[str]:
    """The oldest accepted version of everything, sorted by name.

    Raises:
        SystemExit: a requirement has no floor, or one package has two.
    """
    found: dict[str, str] = {}
    for requirement in [*requirements(project), *requirements(project, extra)]:
        name, floor, version = requirement.partition(">=")
        if not floor or found.get(name, version) != version:
            sys.exit(f"expected one floor, NAME>=VERSION, for every dependency, got {requirement}")
        found[name] = version
    return [f"{name}=={version}" for name, version in sorted(found.items())]


if __name__ == "__main__":
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    print("\n".join(floors(tomllib.loads(text)["project"], "test")))
