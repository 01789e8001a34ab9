"""How often a study of given sizes and seeds is established: a table of planted studies.

``power.csv`` is written by ``python benchmarks/power.py --write``; nothing is simulated here.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.interpolate import interpn

AXES = ("sizes", "seeds", "test_examples")
TEST_EXAMPLES = 10_000  # where their number is not known


class Power(NamedTuple):
    """Shares of planted studies.

    Attributes:
        established: of those in which the laws hold, how many are established.
        contradicted: of the same, how many are contradicted.
        false: of those in which the laws do not hold, how many are established.
        studies: how many of each kind a cell of the table rests on.
    """

    established: float
    contradicted: float
    false: float
    studies: int


@cache
def power_table() -> pd.DataFrame:
    """One row per ``sizes``, ``seeds``, ``test_examples``, with the fields of ``Power``."""
    with files("normlaws.laws.planning").joinpath("power.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)


def power(sizes: int, seeds: int, test_examples: int | None = None) -> Power:
    """Interpolated in the logarithms of all three; at the table's edges outside of it.

    Args:
        sizes: how many, a factor of 2 to 3 apart.
        seeds: of each size.
        test_examples: that score the error; 10,000 where unknown.
    """
    table = power_table().sort_values(list(AXES))
    axes = [np.unique(table[name]) for name in AXES]
    wanted = (sizes, seeds, test_examples or TEST_EXAMPLES)
    at = [
        float(np.clip(np.log(value), np.log(axis[0]), np.log(axis[-1])))
        for value, axis in zip(wanted, axes, strict=True)
    ]
    shape = [len(axis) for axis in axes]
    grid = tuple(np.log(axis) for axis in axes)
    established, contradicted, false = (
        float(interpn(grid, table[name].to_numpy(dtype=float).reshape(shape), at)[0])
        for name in ("established", "contradicted", "false")
    )
    return Power(established, contradicted, false, int(table["studies"].min()))
