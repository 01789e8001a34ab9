"""The verdict on recorded studies, one row each: docs/published.md and docs/nine-panels.md.

``python benchmarks/verdicts.py [PATH…] [--published FOLDER] [--findings | --rules COMMIT]``
fits every study folder or Parquet file of PATH, and every panel of the published ``.npy`` files in
FOLDER, with no setting per study, and prints codes, γ, γ0, γ1, γ2 and γ0 + γ1·γ2; with
``--findings`` the figure of every finding and the first letter of its grade instead, in bold where
it would not pass were it known exactly. ``--rules`` fits by the library as it was at that commit
of this checkout, which has to hold it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import normlaws as nl
from normlaws.interop import panels_of, read_deep_norm

EXPONENTS = ("gamma", "gamma0", "gamma1", "gamma2", "product")
ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def library_at(commit: str) -> Iterator[Path]:
    """Sources of the library as they were, for ``PYTHONPATH``, in a worktree that goes again."""
    with tempfile.TemporaryDirectory() as folder:
        git = ["git", "-C", str(ROOT), "worktree"]
        tree = Path(folder) / "tree"
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
        try:
            yield tree / "src"
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def studies(paths: list[Path], published: Path | None) -> Iterator[tuple[str, nl.Curves, str]]:
    """Name, curves and norm."""
    for path in paths:
        curves = nl.Curves.read(path)
        yield path.stem, curves, curves.default_norm()
    for path in sorted(published.glob("*.npy")) if published else ():
        for panel in range(panels_of(path)):
            curves = read_deep_norm(path, panel)
            name = path.stem + (f"[{panel}]" if panels_of(path) > 1 else "")
            yield name, curves, curves.norms[0]


def row(name: str, laws: nl.Laws) -> str:
    values = " | ".join(f"{getattr(laws, each).value:.3f}" for each in EXPONENTS)
    return f"| {name} | {' '.join(laws.verdict.codes)} | {values} |"


def finding_row(name: str, laws: nl.Laws) -> str:
    return f"| {name} | {' | '.join(cell(one) for one in laws.verdict.findings)} |"


def cell(one: nl.laws.Finding) -> str:
    """The figure, bold where it would not pass were it known exactly, and the grade's letter."""
    value, (low, high) = one.figure.value, one.established
    if not np.isfinite(value):
        return "–"
    shown = f"{value:.2g}".replace("-", "−")
    return f"{shown if low <= value <= high else f'**{shown}**'} {one.grade[0]}"


def by_rules_of(asked: argparse.Namespace) -> None:
    """The same rows by this script, in a process that imports the library of that commit."""
    command = [sys.executable, __file__, *map(str, asked.paths)]
    if asked.published:
        command += ["--published", str(asked.published)]
    with library_at(asked.rules) as sources:
        found = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(sources)}, check=False)
    sys.exit(found.returncode)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("paths", type=Path, nargs="*")
    options.add_argument("--published", type=Path)
    either = options.add_mutually_exclusive_group()
    either.add_argument("--findings", action="store_true")
    either.add_argument("--rules", metavar="COMMIT")
    asked = options.parse_args()
    if asked.rules:
        by_rules_of(asked)
        return
    write = finding_row if asked.findings else row
    for name, curves, norm in studies(asked.paths, asked.published):
        print(write(name, nl.fit(curves, norm=norm)), flush=True)


if __name__ == "__main__":
    main()
