"""How wide the intervals are of a study with so many sizes and seeds over such a range.

``python benchmarks/study_size.py [--studies N] [--figure FILE.png]`` plants studies of γ1 = 0.5 and
γ2 = 1, varies one thing at a time, and prints the median over N studies (40) of the 95 % intervals'
half-widths, how often the verdict is that both laws hold, and by which factor the forecast at ten
times the largest size is uncertain.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import normlaws as nl
from normlaws.laws.plant import plant

NAMES = ("gamma", "gamma1", "gamma2", "product")
SYMBOLS = {"gamma": "γ", "gamma1": "γ1", "gamma2": "γ2", "product": "γ0 + γ1·γ2"}
SMALLEST = 100
USUAL = {"sizes": 6, "range": 32, "seeds": 5, "noise": 0.1}
VARIED: dict[str, tuple[float, ...]] = {
    "seeds": (2, 3, 5, 10, 20),
    "sizes": (4, 5, 6, 8, 12),
    "range": (4, 8, 32, 128, 512),
    "noise": (0.01, 0.03, 0.1, 0.3),
}


def study(generator: int, sizes: int, range: float, seeds: int, noise: float) -> nl.Laws:
    """One planted study, fitted. ``range`` is largest over smallest size."""
    grid = np.geomspace(SMALLEST, SMALLEST * range, sizes).round().astype(int)
    curves = plant(
        sizes=[int(size) for size in grid], seeds=seeds, noise=noise, generator=generator
    )
    return nl.fit(curves, resamples=200, seed=generator)


def measured(laws: nl.Laws) -> dict[str, float]:
    widths = {name: half_width(getattr(laws, name)) for name in NAMES}
    ahead = laws.forecast([10 * float(laws.sizes["size"].max())])[0].error
    return widths | {
        "holds": float("laws_hold" in laws.verdict.codes),
        "factor": ahead.high / ahead.low if ahead.low else np.inf,
    }


def half_width(estimate: Any) -> float:
    return (estimate.high - estimate.low) / 2


def table(studies: int) -> pd.DataFrame:
    rows = []
    for varied, value in ((name, value) for name, values in VARIED.items() for value in values):
        case = USUAL | {varied: value}
        each = pd.DataFrame([measured(study(k, **case)) for k in range(studies)])
        shown = dict(each.median()) | {"holds": each["holds"].mean()}
        rows.append({"varied": varied, **case, **shown})
    return pd.DataFrame(rows)


def markdown(found: pd.DataFrame) -> str:
    symbols = " | ".join(f"± {SYMBOLS[name]}" for name in NAMES)
    lines = []
    for varied, rows in found.groupby("varied", sort=False):
        lines += [f"\n| {varied} | {symbols} | both laws hold | forecast at 10 P |"]
        lines += ["|---" * (len(NAMES) + 3) + "|"]
        for _, row in rows.iterrows():
            widths = " | ".join(f"{row[name]:.3f}" for name in NAMES)
            holds, factor = f"{row['holds']:.0%}", f"{row['factor'] ** 0.5:.2f}"
            lines += [f"| {row[varied]:g} | {widths} | {holds} | within × {factor} |"]
    return "\n".join(lines)


def draw(found: pd.DataFrame, path: Path) -> None:
    from matplotlib.figure import Figure

    from normlaws.report.style import INK, new_axes

    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    labels = {
        "seeds": "seeds per size",
        "range": "largest over smallest P",
        "noise": "noise of ln ε",
    }
    styles = dict(zip(NAMES, (("o", "-"), ("s", "--"), ("^", "-."), ("D", ":")), strict=True))
    for ax, (varied, label) in zip(figure.subplots(1, 3, sharey=True), labels.items(), strict=True):
        new_axes(ax)
        rows = found[found["varied"] == varied]
        for shade, name in zip((0.0, 0.25, 0.5, 0.65), NAMES, strict=True):
            marker, line = styles[name]
            ax.plot(
                rows[varied],
                rows[name],
                marker=marker,
                ls=line,
                color=str(shade),
                label=SYMBOLS[name],
            )
        ax.set(xscale="log", yscale="log", xlabel=label)
        ax.set_xticks(rows[varied], [f"{value:g}" for value in rows[varied]])
        ax.minorticks_off()
        ax.xaxis.label.set(color=INK)
    figure.axes[0].set_ylabel("half-width of the 95 % interval")
    figure.axes[2].legend(frameon=False, fontsize=9)
    figure.savefig(path, dpi=130)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--studies", type=int, default=40)
    options.add_argument("--figure", type=Path)
    chosen = options.parse_args()
    found = table(chosen.studies)
    usual = ", ".join(f"{name} {value:g}" for name, value in USUAL.items())
    print(f"Where not varied: {usual}; {chosen.studies} studies each.\n{markdown(found)}")
    if chosen.figure:
        draw(found, chosen.figure)


if __name__ == "__main__":
    main()
