"""Counting noise: an error is a fraction of test examples, and all runs may share them.

Seeds that are scored on one test set do not show its noise: the examples that are hard are hard for
all. As a function of the error itself that noise is a Brownian bridge over √n, the limit of the
difference between an empirical distribution function and the true one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normlaws.arrays import Floats
from normlaws.curves import Curves

LEVELS = 400
LOWEST = 1e-6
LARGEST = 5_000_000  # test examples: a finer resolution says that values are no counts


def examples_of(curves: Curves, metric: str) -> int | None:
    """How many examples scored an error: as recorded, else where all values are fractions k/n.

    None for a loss, for averages, and where it cannot be told.
    """
    if not metric.endswith("error"):
        return None
    recorded = _recorded(curves, metric)
    if recorded is not None:
        return recorded
    values = np.unique(curves.frame[metric].dropna().to_numpy(dtype=float))
    steps = np.diff(values)
    steps = steps[steps > 1e-9]
    if len(steps) < 8:
        return None
    n = round(1 / float(steps.min()))
    if not 2 <= n <= LARGEST:
        return None
    off = np.abs(values * n - np.round(values * n))
    return n if float(off.max()) < 1e-3 else None


def _recorded(curves: Curves, metric: str) -> int | None:
    """The fewest examples that a run says it was scored on."""
    split = {"test_error": "test", "val_error": "validation", "train_error": "train"}.get(metric)
    counts = []
    for record in curves.runs.to_dict("records"):
        for place, name in (("scored", split), ("settings", f"{split}_examples")):
            found = record.get(place)
            if isinstance(found, dict) and found.get(name):
                counts.append(int(found[name]))
    return min(counts) if counts else None


def counting_noise(
    log_error: Floats, examples: int, rows: int, random: np.random.Generator
) -> Floats:
    """Draws of the noise in ln error that a shared test set adds at given errors.

    Args:
        log_error: ln of the errors, any shape; NaN gives 0.
        examples: of the test set.
        rows: draws.
        random: where they come from.

    Returns:
        (rows, *shape): one function of the error per row.
    """
    level = np.exp(np.linspace(np.log(LOWEST), 0.0, LEVELS))
    steps = np.diff(np.concatenate([[0.0], level]))
    walk = np.cumsum(np.sqrt(steps) * random.normal(size=(rows, LEVELS)), axis=1)
    bridge = (walk - walk[:, -1:] * level) / np.sqrt(examples)
    error = np.clip(np.exp(np.nan_to_num(log_error)), 1 / examples, 1.0)
    place: NDArray[np.int64] = np.minimum(np.searchsorted(level, error), LEVELS - 1)
    noise = bridge[:, place] / error
    return np.where(np.isfinite(log_error), noise, 0.0)
