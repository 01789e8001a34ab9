"""Curves with planted exponents, and the laws that are fitted to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from normlaws.curves import Curves
from normlaws.laws import Laws, fit

GAMMA1, GAMMA2 = 0.8, 1.0
SIZES = (32, 64, 128, 256, 512, 1024)


def error_at(log_norm, size):
    """Falls as λ^(−γ1), has its minimum at λ_opt = 2 P^γ2, rises above."""
    x = np.asarray(log_norm) - np.log(2) - GAMMA2 * np.log(size)
    shape = np.exp(-GAMMA1 * x) * (1 + GAMMA1 / 2 * np.exp((GAMMA1 + 1) * x))
    return np.clip(0.9 * size ** (-GAMMA1 * GAMMA2) * shape, 0, 1)


def planted_curves(sizes=SIZES, seeds=(0, 1, 2), records=30, **columns: Any) -> Curves:
    rng = np.random.default_rng(0)
    frames, runs = [], []
    for size in sizes:
        for seed in seeds:
            top = np.log(2) + GAMMA2 * np.log(size) + 1
            logs = np.linspace(0.5, top, records) + rng.normal(0, 0.02)
            noise = np.exp(rng.normal(0, 0.03))
            error = np.clip(error_at(logs, size) * noise, 0, 1)
            run = f"p{size}s{seed}"
            frames.append(pd.DataFrame({
                "run": run, "size": size, "seed": seed, "step": np.arange(records) ** 2,
                "val_error": error, "test_error": error, "train_error": error / 2,
                "test_loss": 2 * error, "train_loss": error,
                "log_spectral_complexity": logs, **columns,
            }))  # fmt: skip
            runs.append({
                "run": run, "size": size, "seed": seed, "status": "complete", "error": "",
                "settings": {"lr": 0.001, "size": size}, "versions": {"torch": "2.14"},
                "hardware": {"cpu": "test-cpu"}, "code": {"commit": "abc123"},
            })  # fmt: skip
    return Curves(pd.concat(frames), pd.DataFrame(runs))


@pytest.fixture(scope="session")
def curves() -> Curves:
    return planted_curves()


@pytest.fixture(scope="session")
def laws(curves) -> Laws:
    return fit(curves, resamples=100)


@pytest.fixture(scope="session")
def plain_curves():
    """A maker of curves: ``plain_curves(sizes=…, seeds=…)``."""
    return planted_curves
