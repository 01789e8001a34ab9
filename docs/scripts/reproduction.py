"""The reproductions' tables and figures: ``python docs/scripts/reproduction.py``.

Reads ``docs/reproduction/*.parquet``; prints our exponents beside the published ones and draws
``docs/images/reproduction-*.png``. Then writes the page of the nine panels and draws its figures.
"""

from __future__ import annotations

from pathlib import Path

import figures as drawing
import nine_panels
from normlaws import Curves, fit
from normlaws.laws import Laws
from normlaws.report import figures

STUDIES = Path(__file__).resolve().parents[1] / "reproduction"
PUBLISHED = {  # γ1, γ2, γ1·γ2, direct slope; arXiv 2505.13230, Adam without weight decay
    "mnist-cnn": ("0.591 ± 0.063", "1.011 ± 0.114", "0.597", "0.545"),
    "cifar10-cnn": ("0.210 ± 0.011", "1.321 ± 0.323", "0.277", "0.245"),
}


def table(name: str, laws: Laws, curves: Curves) -> None:
    """Rows of Markdown."""
    found = (laws.gamma1, laws.gamma2, laws.product, laws.gamma)
    hours = curves.frame.groupby("run")["seconds"].max().sum() / 3600
    print(f"| {name}, published | {' | '.join(PUBLISHED[name])} | |")
    print(f"| {name}, here | {' | '.join(map(drawing.estimate, found))} "
          f"| {drawing.estimate(laws.gamma0)} |")  # fmt: skip
    print(f"  {len(curves.runs)} runs, {hours:.1f} hours of runs, collapse {laws.collapse:.2f}")
    print(f"  {laws.verdict.text}\n")


def main() -> None:
    for name in PUBLISHED:
        curves = Curves.read(STUDIES / f"{name}.parquet")
        laws = fit(curves)
        table(name, laws, curves)
        drawing.save(figures.error_against_norm(curves, laws), f"reproduction-{name}")
        drawing.save(figures.error_against_size(laws), f"reproduction-{name}-size")
        drawing.by_norm(curves, f"reproduction-{name}-norms")
    nine_panels.redraw()


if __name__ == "__main__":
    main()
