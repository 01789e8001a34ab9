"""From solutions and students to ``Curves``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.theory._checks import whole
from normlaws.theory._runs import run_of

if TYPE_CHECKING:
    from normlaws.theory.committee.model import SoftCommittee

FIRST = 1e-1  # α of the first record after the start


def settings_of(model: SoftCommittee, training: str, **more: Any) -> dict[str, Any]:
    """What a run's record says of the model."""
    values = asdict(model)
    if model.eigenvalues == 1:
        values["spectrum_exponent"] = None
    return {"model": "soft committee", "training": training, **values, **more}


def curves_of(model: SoftCommittee, alphas: Floats, dimension: int, records: int) -> Curves:
    """Exact curves; see ``SoftCommittee.curves``."""
    sizes = np.unique(np.rint(alphas * whole("dimension", dimension)).astype(int))
    if len(sizes) < len(alphas) or sizes[0] < 1:
        raise InputError(
            "expected alphas that round to distinct sizes of at least 1, "
            f"got sizes {sizes.tolist()} at dimension {dimension}"
        )
    first = min(FIRST, sizes[0] / dimension / 10)
    grid = np.geomspace(first, sizes[-1] / dimension, whole("records", records) - 1)
    steps = np.unique(np.concatenate([[0], np.rint(grid * dimension).astype(int), sizes]))
    found = model.solve(steps / dimension)
    with np.errstate(divide="ignore"):
        table = pd.DataFrame(
            {
                "step": steps,
                "alpha": steps / dimension,
                "test_loss": found.test_loss,
                "log_frobenius": np.log(found.norm),
                "log_spectral_complexity": found.log_spectral_complexity,
            }
        )
    settings = settings_of(model, "theory", dimension=dimension)
    runs = [run_of(int(size), None, settings | {"records": records}) for size in sizes]
    parts = [
        table[table["step"] <= run["size"]].assign(
            run=run["run"], size=run["size"], seed=pd.array([pd.NA] * 1, dtype="Int64")[0]
        )
        for run in runs
    ]
    return Curves(pd.concat(parts, ignore_index=True), pd.DataFrame(runs))
