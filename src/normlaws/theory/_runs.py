"""Records of the runs of a solved model or of its students."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import Curves


def run_of(size: int, seed: int | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """One row of ``Curves.runs``; the id is a hash of everything that made the run."""
    text = json.dumps([dict(settings), size, seed], sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {"run": name, "size": size, "seed": seed, "settings": dict(settings)}


def as_curves(
    runs: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Floats],
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
