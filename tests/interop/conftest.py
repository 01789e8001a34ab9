"""Curves with everything that a round trip can lose."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from normlaws import Curves


@pytest.fixture(scope="session")
def awkward() -> Curves:
    """NaN, infinities, a norm below 1 that falls, a run without seed, ends and settings."""
    nan, third = math.nan, 1 / 3
    columns = ["run", "size", "seed", "step", "epoch", "test_error", "val_loss", "seconds"]
    columns += ["log_l1", "log_spectral_complexity"]
    rows = [
        ("P10-s0-a", 10, 0, 0, 0.0, 0.9, 2.0, 0.0, 1.0, -0.5),
        ("P10-s0-a", 10, 0, 1, third, third, 1.5, 0.25, 1.1, -0.7),
        ("P10-s0-a", 10, 0, 8, 2 * third, 0.2, nan, 0.5, 1.2, 40.1),
        ("P10-s0-a", 10, 0, 9, 1.0, 0.3, 0.7, 0.75, math.pi, 40.1 + 1e-9),
        ("P10-s1-b", 10, 1, 0, 0.0, 0.8, 2.0, 0.0, -math.inf, 0.1),
        ("P10-s1-b", 10, 1, 7, 1.0, nan, nan, 1.0, nan, nan),
        ("all seeds", 20, None, 0, nan, 0.7, 1.0, nan, nan, 0.3),
        ("all seeds", 20, None, 3, nan, 0.1, 0.4, nan, nan, 900.0),
    ]
    runs = pd.DataFrame(
        {
            "run": ["P10-s0-a", "P10-s1-b", "all seeds"],
            "size": [10, 10, 20],
            "seed": [0, 1, None],
            "status": ["complete", "diverged", "unfinished"],
            "error": ["", "loss is NaN", ""],
            "settings": [{"model": {"channels": [1, 2]}, "note": "<b>é</b>"}, {}, {}],
            "conventions": [{"conv": "flat"}] * 3,
        }
    )
    return Curves(pd.DataFrame(rows, columns=columns), runs)


def _same(left: Curves, right: Curves) -> None:
    pd.testing.assert_frame_equal(left.frame, right.frame, check_exact=True)
    pd.testing.assert_frame_equal(left.runs, right.runs[left.runs.columns])


@pytest.fixture(scope="session")
def same():
    """Asserts that two sets of curves are the same to the last bit, records and all."""
    return _same
