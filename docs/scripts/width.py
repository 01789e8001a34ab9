"""Width or method: the CNN on MNIST at its smallest sizes, in the table of docs/nine-panels.md.

    python docs/scripts/width.py FOLDER_WITH_THE_NPY_FILES

The paper's network run here, the published curves of it (averages without seeds), and the panel
at a fraction of the width, each fitted with the defaults to sizes of about the same range.
"""

from __future__ import annotations

import sys
from pathlib import Path

import normlaws as nl
from figures import estimate
from nine_panels import CURVES, head, row
from normlaws.interop import read_deep_norm

SMALLEST, LARGEST = 375, 4000


def main(folder: Path) -> None:
    """Print the table."""
    studies = {
        "published curves": read_deep_norm(folder / "CNN_MNIST.npy"),
        "the paper's network, here": nl.Curves.read(CURVES / "repro-cnn-mnist-full-width.parquet"),
        "a quarter of its width, here": nl.Curves.read(CURVES / "repro-cnn-mnist.parquet"),
    }
    print(*head("curves", "error at the optimum, %", "direct γ", "γ1", "γ2", "γ0"), sep="\n")
    for name, curves in studies.items():
        sizes = [size for size in curves.sizes if SMALLEST <= size <= LARGEST]
        laws = nl.fit(curves.select(sizes=sizes))
        errors = [
            f"{100 * error:.1f} (P = {size:,})"
            for size, error in zip(laws.sizes["size"], laws.sizes["error"], strict=True)
        ]
        found = (laws.gamma, laws.gamma1, laws.gamma2, laws.gamma0)
        print(row(name, ", ".join(errors), *map(estimate, found)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
