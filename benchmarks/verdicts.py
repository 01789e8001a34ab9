"""The verdict on recorded studies, one row each: the tables of docs/published.md.

``python benchmarks/verdicts.py [PATH…] [--published FOLDER] [--findings]`` fits every study folder
or Parquet file of PATH, and every panel of the published ``.npy`` files in FOLDER, with no setting
per study, and prints codes and exponents; with ``--findings`` the figure of every finding and the
first letter of its grade instead, in bold where it would not pass were it known exactly.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import normlaws as nl
from normlaws.interop import panels_of, read_deep_norm

EXPONENTS = ("gamma", "gamma0", "gamma1", "gamma2")


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


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("paths", type=Path, nargs="*")
    options.add_argument("--published", type=Path)
    options.add_argument("--findings", action="store_true")
    asked = options.parse_args()
    write = finding_row if asked.findings else row
    for name, curves, norm in studies(asked.paths, asked.published):
        print(write(name, nl.fit(curves, norm=norm)), flush=True)


if __name__ == "__main__":
    main()
