"""Ladders whose collapse is known exactly, to try estimators on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.laws.collapse.axis import FLOPS_PER_TOKEN_AND_PARAMETER

DECADES = (1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
RECORDS = 400
CORRELATION = 0.9  # of the noise along a run, over a hundredth of its length
FIRST = 1e-3  # x of the first record


def plant_ladder(
    sizes: Sequence[float] = DECADES,
    *,
    data_exponent: float = 0.5,
    size_exponent: float = 0.5,
    floor: float = 0.0,
    horizon: float = 1.0,
    longer: float = 1.0,
    seeds: int = 1,
    noise: float = 0.0,
    seed: int = 0,
) -> Curves:
    """Runs of L = L0 + t^(−μ) + p^(−ν), ended where each is compute-optimal.

    The optimal horizon is t* = r^(−1/μ) p^(ν/μ) with r = ν/μ, and then
    ℓ(x) = (r x^(−μ) + 1) / (r + 1) for every p, exactly (arXiv 2507.02119).

    Args:
        sizes: p.
        data_exponent: μ.
        size_exponent: ν.
        floor: L0.
        horizon: multiplies the exponent of the horizon; 1 is right, and anything else breaks the
            collapse.
        longer: how many times its horizon each run goes on.
        seeds: runs per size; with one and no noise the run has no seed.
        noise: standard deviation between seeds of the reducible loss, relative to it.
        seed: of the noise.

    Raises:
        InputError: exponents, sizes or lengths are not positive.
    """
    if min(data_exponent, size_exponent, horizon, longer, *sizes) <= 0 or seeds < 1:
        raise InputError("expected positive exponents, sizes, lengths and seeds to plant a ladder")
    generator = np.random.default_rng(seed)
    ratio = size_exponent / data_exponent
    x = np.concatenate([np.geomspace(FIRST, 0.01, 20)[:-1], np.linspace(0.01, 1.0, RECORDS)])
    frames = []
    for size in sizes:
        end = ratio ** (-1 / data_exponent) * size ** (ratio * horizon) * longer
        tokens = x * end
        clean = tokens**-data_exponent + size**-size_exponent
        for number in range(seeds):
            off = 1 + noise * _smooth_noise(x, generator) if noise else 1.0
            frames.append(
                pd.DataFrame(
                    {
                        "run": f"p{size:g}-s{number}",
                        "size": size,
                        "seed": number if seeds > 1 or noise else pd.NA,
                        "step": np.arange(len(x)),
                        "tokens": tokens,
                        "compute": FLOPS_PER_TOKEN_AND_PARAMETER * size * tokens,
                        "test_loss": floor + clean * off,
                    }
                )
            )
    frame = pd.concat(frames, ignore_index=True)
    frame["seed"] = frame["seed"].astype("Int64")
    runs = frame.groupby("run", sort=False)[["size", "seed"]].first().reset_index()
    return Curves(frame, runs.assign(scale="params"))


def _smooth_noise(x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Standard normal noise whose correlation falls with distance in x. (len(x),)."""
    fresh = generator.standard_normal(len(x))
    keep = CORRELATION ** (np.diff(x, prepend=x[0]) * 100)
    found = np.empty(len(x))
    found[0] = fresh[0]
    for i in range(1, len(x)):
        found[i] = keep[i] * found[i - 1] + np.sqrt(1 - keep[i] ** 2) * fresh[i]
    return found
