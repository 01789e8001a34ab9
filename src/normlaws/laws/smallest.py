"""From which training-set size on: the exponents on every range of sizes, and a choice among them.

The smallest sizes are often not yet in the scaling regime. All exponents are read on one range,
from some smallest size to the largest; a longer range is more precise, a shorter one less biased.
The one taken is the longest whose exponents lie within the intervals of all shorter ones (Lepski
1991, "On a problem of adaptive estimation in Gaussian white noise").
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from normlaws.curves import Curves, as_size
from normlaws.errors import InputError, NormlawsWarning
from normlaws.laws.result import Estimate

if TYPE_CHECKING:
    from normlaws.laws.direct import DirectLaw
    from normlaws.laws.fitting import Laws

Smallest = float | Literal["auto"]
FitFrom = Callable[[Curves, int], "Laws | DirectLaw"]  # of curves with so many resamples
EXPONENTS = ("gamma", "gamma0", "gamma1", "gamma2")
FEWEST = 4  # sizes in the shortest range
RESAMPLES = 200  # enough for intervals that decide between ranges


def scan(curves: Curves, sizes: Sequence[float], fit: FitFrom) -> pd.DataFrame:
    """Exponents on every range of sizes that ends at the largest and has four or more.

    Args:
        curves: the study.
        sizes: those that can be fitted, ascending.
        fit: what is run on every range.

    Returns:
        One row per range, the longest first: ``smallest``, ``sizes`` (how many), every exponent
        that the fit has with ``_low`` and ``_high``, and ``chosen``.
    """
    starts = list(sizes)[: max(len(sizes) - FEWEST, 0) + 1]
    rows = [_row(curves, [size for size in sizes if size >= start], fit) for start in starts]
    table = pd.DataFrame(rows)
    names = [name for name in EXPONENTS if name in table]
    return table.assign(chosen=np.arange(len(table)) == _chosen(table, names))


def starting_at(
    curves: Curves, smallest: Smallest, sizes: Callable[[], Sequence[float]], fit: FitFrom
) -> Curves:
    """The curves of the sizes from ``smallest`` on; ``"auto"`` scans for it.

    Raises:
        InputError: it is neither ``"auto"`` nor a size above 0, or no run is as large.
    """
    if smallest == "auto":
        table = scan(curves, sizes(), fit)
        if "gamma_low" not in table or table["gamma_low"].isna().all():
            warnings.warn(
                'smallest="auto" keeps all sizes: without seeds no interval says from which size '
                "on the exponents agree",
                NormlawsWarning,
                stacklevel=3,
            )
            return curves
        smallest = float(table.loc[table["chosen"], "smallest"].iloc[0])
    if not isinstance(smallest, int | float | np.integer) or not 0 < smallest < np.inf:
        raise InputError(f'expected a smallest size above 0 or "auto", got {smallest!r}')
    kept = [size for size in curves.runs["size"].unique() if size >= smallest]
    if not kept:
        largest = as_size(curves.runs["size"].max())
        raise InputError(
            f"expected a smallest size of at most {largest}, the largest of the runs, "
            f"got {smallest:g}"
        )
    return curves.select(sizes=kept)


def _row(curves: Curves, sizes: Sequence[float], fit: FitFrom) -> dict[str, float]:
    laws = fit(curves.select(sizes=sizes), RESAMPLES)
    row: dict[str, float] = {"smallest": as_size(sizes[0]), "sizes": len(sizes)}
    for name in EXPONENTS:
        found = getattr(laws, name, None)
        if isinstance(found, Estimate):
            row[name] = found.value
            row[f"{name}_low"], row[f"{name}_high"] = (
                np.nan if bound is None else bound for bound in found[1:]
            )
    return row


def _chosen(table: pd.DataFrame, names: list[str]) -> int:
    """Index of the longest range within the intervals of all shorter ones; 0 without intervals."""
    for j in range(len(table)):
        shorter = table.iloc[j + 1 :]
        agree = [
            (shorter[f"{name}_low"].isna() | (shorter[f"{name}_low"] <= table[name].iloc[j]))
            & (shorter[f"{name}_high"].isna() | (table[name].iloc[j] <= shorter[f"{name}_high"]))
            for name in names
        ]
        if all(one.all() for one in agree):
            return j
    return len(table) - 1
