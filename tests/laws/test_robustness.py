"""Whatever is recorded, a fit answers or raises a named error; nothing else."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import normlaws as nl
from normlaws.curves import Curves
from normlaws.errors import NormlawsError
from normlaws.laws.plant import plant


def messy(generator):
    """Few sizes and seeds, empty and short runs, falling norms, zeros, NaN, every status."""
    random = np.random.default_rng(generator)
    frames, runs = [], []
    sizes = random.choice([10, 20, 40, 80, 160, 320], random.integers(1, 7), replace=False)
    for size in np.sort(sizes):
        for seed in range(random.integers(1, 4)):
            n = int(random.integers(0, 30))
            x = random.normal(size=n) * random.choice([0.0, 0.1, 3.0])
            x = np.sort(x) if random.random() < 0.7 else x
            error = np.exp(-0.3 * x.clip(-5, 5) - 1 + 0.1 * random.normal(size=n)).clip(0, 1)
            if random.random() < 0.2:
                error = random.choice([0.0, 0.5, 1.0], size=n)
            if n and random.random() < 0.2:
                x[0], error[random.integers(n)] = -np.inf, np.nan
            name = f"{size}-{seed}"
            status = random.choice(["complete", "complete", "unfinished", "diverged", "failed"])
            runs.append({"run": name, "size": size, "seed": seed, "status": status})
            frames.append(
                pd.DataFrame(
                    {"run": name, "size": size, "seed": seed, "step": range(n), "log_n": x}
                    | {"test_error": error}
                )
            )
    return Curves(pd.concat(frames), pd.DataFrame(runs))


@pytest.mark.parametrize("generator", range(24))
def test_messy_studies_are_answered_or_refused(generator):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            laws = nl.fit(messy(generator), norm="n", resamples=25)
        except NormlawsError:
            return
        assert laws.verdict.codes
        assert laws.summary()
        assert all(0 <= found.error.value <= 1 for found in laws.forecast([100, 1e5]))
        assert not laws.mean_curves.isna().any(axis=None)
        assert len(laws.influence()) >= 1
        assert len(laws.baselines()) == 5
        laws.size_for_error(0.01)
        laws.window_table()
        _ = laws.collapse_exponents()


def test_one_seed_has_values_without_intervals():
    laws = nl.fit(plant(seeds=1))
    assert laws.gamma.low is None
    assert laws.forecast([1e5])[0].error.low is None
    assert "too_few_seeds" in laws.verdict.codes


def test_seeds_of_one_size_only_are_drawn_within_it():
    curves = plant(seeds=3)
    frame, runs = curves.frame.copy(), curves.runs.copy()
    names = {run: i for i, run in enumerate(runs["run"])}
    frame["seed"], runs["seed"] = frame["run"].map(names), runs["run"].map(names)
    laws = nl.fit(Curves(frame, runs), resamples=100)
    assert laws.gamma.low < 0.5 < laws.gamma.high


def test_missing_seeds_at_some_sizes_are_no_obstacle():
    curves = plant()
    kept = curves.runs[~((curves.runs["size"] == 400) & (curves.runs["seed"] > 0))]
    partial = Curves(curves.frame[curves.frame["run"].isin(kept["run"])], kept)
    laws = nl.fit(partial, resamples=100)
    assert laws.gamma.value == pytest.approx(0.5, abs=0.02)
    assert laws.gamma.low is not None
