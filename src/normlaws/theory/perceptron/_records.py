"""From arrays of the simulations to ``Curves``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from normlaws.errors import InputError
from normlaws.theory._checks import positive, whole


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
