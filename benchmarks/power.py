"""How often the two laws are established, by sizes, seeds and test examples.

``python benchmarks/power.py [--studies N] [--workers W] [--write]`` plants N studies (1) of every
family below for every cell, those in which the laws hold and those in which they do not, with a
given number of sizes (a factor of 2 to 3 apart), seeds and test examples; fits each with 100
resamples; smooths the shares over the cells (logistic in the logarithms of all three); and prints
the table of docs/study-size.md. ``--write`` also replaces
``src/normlaws/laws/planning/power.csv``, which ``normlaws plan`` reads.
"""

from __future__ import annotations

import argparse
import itertools
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

import normlaws as nl
from normlaws.laws.plant import FAMILIES, draw

TABLE = Path(__file__).resolve().parents[1] / "src/normlaws/laws/planning/power.csv"
SIZES, SEEDS, TEST_EXAMPLES = (4, 6, 8), (2, 3, 5, 10), (1_000, 10_000)
HOLD = (
    "parabola",
    "exponential_turn",
    "sum_of_powers",
    "levelling",
    "corner_at_chance",
    "soft_plateau",
    "seeds_of_the_norm",
    "drifting",
    "shallow",
)
FAIL = (
    "common_exponential",
    "bent",
    "floored",
    "same_optimum",
    "fan",
    "logistic",
    "only_time",
    "never_common",
    "own_shape",
)
AXES = ("sizes", "seeds", "test_examples")
SHARES = (
    ("established", "established", True),
    ("contradicted", "contradicted", True),
    ("false", "established", False),
)
PRIOR = 0.1  # keeps slopes finite where a share is 0 or 1 in every cell
FIRST = 20_000  # seeds of the draws, apart from those on which thresholds were set
RESAMPLES = 100
Cell = tuple[int, int, int]


def verdict(job: tuple[str, Cell, int]) -> tuple[bool, bool]:
    """Whether one planted study is established and whether it is contradicted."""
    family, (sizes, seeds, test_examples), generator = job
    usual = FAMILIES[family]
    FAMILIES["planned"] = replace(
        usual,
        base={**usual.base, "number": sizes},
        seen={**usual.seen, "seeds": seeds, "test_examples": test_examples},
    )
    study = draw("planned", generator)
    found = nl.fit(study.curves, resamples=RESAMPLES, seed=generator).verdict
    return "laws_hold" in found.codes, found.grade == "contradicted"


def measured(studies: int, workers: int) -> pd.DataFrame:
    """One row per cell."""
    cells = list(itertools.product(SIZES, SEEDS, TEST_EXAMPLES))
    kinds = [(family, k) for family in HOLD + FAIL for k in range(studies)]
    jobs = [
        (family, cell, FIRST + 100 * (HOLD + FAIL).index(family) + k)
        for cell in cells
        for family, k in kinds
    ]
    with ProcessPoolExecutor(workers) as pool:
        seen = pd.DataFrame(
            pool.map(verdict, jobs, chunksize=8), columns=["established", "contradicted"]
        )
    seen["cell"] = [cell for cell in cells for _ in kinds]
    seen["holds"] = [family in HOLD for _ in cells for family, _ in kinds]
    table = pd.DataFrame(cells, columns=list(AXES))
    for share, column, holds in SHARES:
        part = seen[seen["holds"] == holds]
        mean = part.groupby("cell")[column].mean().reindex(cells).to_numpy(dtype=float)
        table[share] = smooth(table, mean, int((part["cell"] == cells[0]).sum())).round(3)
    return table.assign(studies=int(seen["holds"].sum()))


def smooth(table: pd.DataFrame, share: np.ndarray, studies: int) -> np.ndarray:
    """Shares of all cells by a logistic law in the logarithms of sizes, seeds, test examples."""
    design = np.column_stack([np.ones(len(table)), *(np.log(table[name]) for name in AXES)])
    design[:, 1:] -= design[:, 1:].mean(axis=0)

    def loss(weights: np.ndarray) -> float:
        z = design @ weights
        likelihood = studies * (np.logaddexp(0, z) - share * z).sum()
        return float(likelihood + 0.5 * PRIOR * (weights[1:] ** 2).sum())

    found = minimize(loss, np.zeros(design.shape[1]), method="BFGS").x
    return np.asarray(expit(design @ found))


def markdown(table: pd.DataFrame) -> str:
    """Established where the laws hold, by seeds; in brackets, of 1,000 test examples."""
    lines = [
        f"| seeds | {' | '.join(f'{k} sizes' for k in SIZES)} |",
        "|---" * (len(SIZES) + 1) + "|",
    ]
    for seeds in SEEDS:
        mine = table[table["seeds"] == seeds].set_index(["sizes", "test_examples"])["established"]
        cells = [f"{100 * mine[k, 10_000]:.0f} % ({100 * mine[k, 1_000]:.0f} %)" for k in SIZES]
        lines.append(f"| {seeds} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--studies", type=int, default=1)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--write", action="store_true")
    asked = options.parse_args()
    table = measured(asked.studies, asked.workers)
    print(markdown(table))
    print(
        f"\n{int(table['studies'].iloc[0])} studies of each kind in all; wrongly contradicted "
        f"{table['contradicted'].mean():.1%}, wrongly established {table['false'].mean():.1%}."
    )
    if asked.write:
        table.to_csv(TABLE, index=False)
        print(TABLE)


if __name__ == "__main__":
    main()
