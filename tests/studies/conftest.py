"""A study small enough to run many times."""

from __future__ import annotations

import copy

import pytest

SMALL = {
    "name": "small",
    "sizes": [16, 64],
    "seeds": 2,
    "data": {"name": "digits", "validation": 100},
    "model": {"family": "mlp", "hidden": [16], "init_scale": 0.5},
    "training": {"steps": 60, "batch_size": 16, "records": 10},
}


@pytest.fixture
def small() -> dict:
    return copy.deepcopy(SMALL)
