"""From arrays of the simulations to ``Curves``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.theory._checks import positive, whole
from normlaws.theory.perceptron._prox import Array


def sizes_of(alphas: Iterable[float], dimension: int) -> list[int]:
    """P = round(α N) for every α.

    Raises:
        InputError: a value is not positive, or two α round to one size.
    """
    wanted = positive("alphas", list(alphas))
    sizes = [int(size) for size in np.rint(wanted * whole("dimension", dimension))]
    if min(sizes, default=0) < 1 or len(set(sizes)) < len(sizes):
        raise InputError(
            "expected alphas that round to distinct sizes of at least 1, "
            f"got sizes {sizes} at dimension {dimension}"
        )
    return sizes


def run_record(
    size: int, dimension: int, seed: int | None, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """One row of ``Curves.runs``; the id is a hash of everything that made the run."""
    settings = {"alpha": size / dimension, "dimension": dimension, **settings}
    text = json.dumps([settings, size, seed], sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {"run": name, "size": size, "seed": seed, "settings": settings}


def as_curves(
    runs: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Array],
    steps: Sequence[int] | None = None,
) -> Curves:
    """Curves of runs that were recorded alike; columns are (runs, records)."""
    count = next(iter(columns.values())).shape[1]
    step = pd.array(steps if steps is not None else [pd.NA] * count, dtype="Int64")
    tables = [
        pd.DataFrame({name: values[index] for name, values in columns.items()}).assign(
            run=run["run"],
            size=run["size"],
            seed=pd.array([run["seed"]] * count, dtype="Int64"),
            step=step,
        )
        for index, run in enumerate(runs)
    ]
    return Curves(pd.concat(tables, ignore_index=True), pd.DataFrame(runs))
