"""From solutions and students to ``Curves``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.theory._runs import as_curves, run_of

if TYPE_CHECKING:
    from normlaws.theory.random_features.model import RandomFeatures


def settings_of(model: RandomFeatures, training: str, times: Floats) -> dict[str, Any]:
    """What a run's record says of the model; an infinite width is ``None``."""
    values = asdict(model)
    values["width"] = None if np.isinf(model.width) else model.width
    recorded = {"first_time": float(times[0]), "last_time": float(times[-1])}
    return {"model": "random features", "training": training, **values, **recorded}


def curves_of(model: RandomFeatures, sizes: Sequence[int], grids: Sequence[Floats]) -> Curves:
    """Exact curves, one run per size, each at its own times; all with as many records."""
    found = [model.solve(size, times) for size, times in zip(sizes, grids, strict=True)]
    with np.errstate(divide="ignore"):
        columns = {
            "time": np.stack(grids),
            "test_loss": np.stack([one.test_loss for one in found]),
            "train_loss": np.stack([one.train_loss for one in found]),
            "log_frobenius": np.log(np.stack([one.norm for one in found])),
        }
    runs = [
        run_of(size, None, settings_of(model, "theory", times))
        for size, times in zip(sizes, grids, strict=True)
    ]
    return as_curves(runs, columns)
