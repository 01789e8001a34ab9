"""Curves and laws with planted exponents, made without the fit.

The report only reads laws, so its tests hand it values that are known and do not need the fit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from normlaws.curves import Curves
from normlaws.laws.result import Estimate, Forecast, PowerLaw, Verdict

GAMMA1, GAMMA2 = 0.8, 1.0
VERDICT = Verdict("Both laws hold.", ("laws_hold",), ("Run P = 2,048 with 3 seeds.",))
BASELINES = [
    {
        "name": "power",
        "parameters": {"gamma": 0.8, "log_offset": -np.inf},
        "in_sample": 0.031,
        "backtest": 0.128,
    },
    {"name": "broken_power", "parameters": {}, "in_sample": np.nan, "backtest": np.nan},
]
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


def planted_crossover(predict=error_at) -> SimpleNamespace:
    upper = dict.fromkeys(SIZES, 20.0)
    exponents = {"gamma": 0.805, "gamma0": 0.001, "gamma1": 0.803, "gamma2": 1.002}
    return SimpleNamespace(
        predict=predict, lower=0.0, upper=upper, scatter=0.012, adequate=True, **exponents
    )


# ruff: noqa: RUF009 - the defaults are frozen values
@dataclass(frozen=True)
class PlantedLaws:
    """The attributes of ``Laws`` that the report reads."""

    sizes: pd.DataFrame
    optima: pd.DataFrame
    mean_curves: pd.DataFrame
    norm: str = "spectral_complexity"
    metric: str = "test_error"
    gamma: Estimate = Estimate(0.801, 0.777, 0.823)
    gamma0: Estimate = Estimate(0.012, -0.034, 0.045)
    gamma1: Estimate = Estimate(0.798, 0.781, 0.812)
    gamma2: Estimate = Estimate(1.003, 0.954, 1.056)
    product: Estimate = Estimate(0.812, 0.764, 0.859)
    difference: Estimate = Estimate(0.011, -0.04, 0.06)
    collapse: float = 1.07
    verdict: Verdict = VERDICT
    early_window: tuple[float, float] | None = (1.0, 3.0)
    early_law: PowerLaw = PowerLaw(np.log(0.9) + GAMMA1 * np.log(2), -0.798)
    direct_law: PowerLaw = PowerLaw(np.log(0.9 * 1.4), -0.801)
    reference_size: float = 181.0
    late_law: PowerLaw = PowerLaw(np.log(2), 1.003)
    crossover: Any = field(default_factory=lambda: planted_crossover())
    baselines: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(BASELINES))
    collapse_exponents: tuple[Estimate, Estimate] = (Estimate(0.79, 0.7, 0.88), Estimate(1.01))

    def window_table(self):
        row = {"high": 3.0, "gamma0": 0.012, "scatter": 0.02}
        return pd.DataFrame(
            [{"low": 1.0, "gamma1": 0.798, "chosen": True, **row},
             {"low": 0.5, "gamma1": 0.702, "chosen": False, **row}]
        )  # fmt: skip

    def influence(self):
        names = ("gamma", "gamma0", "gamma1", "gamma2", "product")
        return pd.DataFrame([{"size": size, **dict.fromkeys(names, 0.5)} for size in (0, 32)])

    def size_for_error(self, error):
        return Estimate((0.9 / error) ** 1.25, 100.0, np.inf)

    def forecast(self, sizes):
        return [
            Forecast(
                size,
                Estimate(0.9 * size**-0.8, 0.85 * size**-0.8, 0.95 * size**-0.8),
                Estimate(np.log(2 * size), np.log(1.9 * size), np.log(2.1 * size)),
            )
            for size in sizes
        ]

    def with_(self, **changes: Any) -> PlantedLaws:
        return replace(self, **changes)


def planted_laws(curves: Curves) -> PlantedLaws:
    best = curves.frame.loc[curves.frame.groupby("run")["test_error"].idxmin()]
    optima = pd.DataFrame({
        "run": best["run"], "size": best["size"], "seed": best["seed"],
        "log_norm": best["log_spectral_complexity"], "error": best["test_error"],
        "selected_on": "val_error", "censored": False, "status": "complete", "used": True,
    }).reset_index(drop=True)  # fmt: skip
    rows = []
    for size, of_size in optima.groupby("size"):
        error, log_norm = of_size["error"].mean(), of_size["log_norm"].mean()
        rows.append({
            "size": size, "n_seeds": len(of_size), "error": error, "error_low": error * 0.95,
            "error_high": error * 1.05, "log_norm": log_norm, "log_norm_low": log_norm - 0.05,
            "log_norm_high": log_norm + 0.05, "n_censored": 0, "used": True,
        })  # fmt: skip
    sizes = pd.DataFrame(rows)
    curves_of = [
        _mean_curve(int(size), top)
        for size, top in zip(sizes["size"], sizes["log_norm"], strict=True)
    ]
    return PlantedLaws(sizes, optima, pd.concat(curves_of, ignore_index=True))


def _mean_curve(size: int, log_norm: float) -> pd.DataFrame:
    grid = np.linspace(0.5, log_norm + 1, 60)
    error = error_at(grid, size)
    return pd.DataFrame({
        "size": size, "log_norm": grid, "error": error, "error_low": error * 0.95,
        "error_high": error * 1.05, "n_seeds": 3,
    })  # fmt: skip


@pytest.fixture(scope="session")
def curves() -> Curves:
    return planted_curves()


@pytest.fixture(scope="session")
def laws(curves) -> PlantedLaws:
    return planted_laws(curves)


@pytest.fixture(scope="session")
def plain_curves():
    """A maker of curves: ``plain_curves(sizes=…, seeds=…)``."""
    return planted_curves
