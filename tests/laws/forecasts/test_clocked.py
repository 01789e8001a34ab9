"""Unfinished runs along the clock that would have forecast finished ones best."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import normlaws as nl
from normlaws.curves import Curves
from normlaws.laws.clocks import best_clock
from normlaws.laws.plant import Planted, plant

LAW = Planted()
SIZES = [100 * 2**i for i in range(8)]


@pytest.fixture(scope="module")
def warped():
    """The training loss falls as the planted norm grows; the norm is stretched anew at each size.

    The largest size stops one log norm before its optimum.
    """
    curves = plant(LAW, sizes=SIZES, seeds=3, noise=0.003, jitter=0.0)
    frame, runs = curves.frame.copy(), curves.runs.copy()
    planted = frame["log_spectral_complexity"].to_numpy()
    frame["train_loss"] = np.exp(-planted / 4)
    odd = np.log2(frame["size"] / 100).to_numpy().astype(int) % 2
    frame["log_spectral_complexity"] = planted * (1 + 0.1 * odd)
    keep = (frame["size"] != SIZES[-1]) | (planted < LAW.log_norm_opt(SIZES[-1]) - 1.0)
    runs.loc[runs["size"] == SIZES[-1], "status"] = "unfinished"
    return Curves(frame[keep], runs)


def test_the_clock_that_back_tests_best_is_followed(warped):
    laws = nl.fit(warped, resamples=30)
    past = laws.clocks().set_index("clock")["unfinished"]
    assert past["train_loss"] < 0.01 < past["spectral_complexity"]
    clock, errors = best_clock(warped, laws.norm, laws.metric, None, laws.samples, 0)
    assert clock.name == "train_loss"
    assert np.sqrt(np.nanmean(errors**2)) == pytest.approx(past["train_loss"])
    truth = float(np.exp(LAW.log_error(np.linspace(0, 30, 40001), SIZES[-1]).min()))
    found = laws.forecast(SIZES[-1]).error
    assert found.value == pytest.approx(truth, rel=0.02)
    assert found.low < truth < found.high


def test_with_three_finished_sizes_the_norm_is_followed(warped):
    laws = nl.fit(warped.select(sizes=[*SIZES[:3], SIZES[-1]]), resamples=0)
    clock, errors = best_clock(
        warped.select(sizes=[*SIZES[:3], SIZES[-1]]), laws.norm, laws.metric, None, laws.samples, 0
    )
    assert clock.name == laws.norm
    assert np.isnan(errors).all()


def test_a_floor_is_taken_off_where_it_helps():
    """Reducible losses that share a curve, above a floor of nine tenths; stopped at a third."""
    shares = np.geomspace(0.01, 1, 80)
    rows = []
    for size in SIZES:
        end = float(size)
        for seed in range(2):
            clock = shares * end
            loss = 5 + (1 + 1e-3 * seed) * size**-0.3 * (0.6 * shares**-0.3 + 0.4)
            rows.append(
                pd.DataFrame(
                    {
                        "run": f"{size}-{seed}", "size": size, "seed": seed,
                        "step": np.arange(80), "log_clock": np.log(clock), "test_loss": loss,
                    }
                )
            )  # fmt: skip
    frame = pd.concat(rows, ignore_index=True)
    largest = frame["size"] == SIZES[-1]
    truth = float(frame.loc[largest, "test_loss"].min())
    runs = frame.groupby("run", sort=False)[["size", "seed"]].first().reset_index()
    runs["status"] = np.where(runs["size"] == SIZES[-1], "unfinished", "complete")
    kept = frame[~largest | (np.exp(frame["log_clock"]) < SIZES[-1] / 3)]
    laws = nl.fit(Curves(kept, runs), norm="clock", metric="test_loss", resamples=30)
    clock, _ = best_clock(
        laws.curves, laws.norm, laws.metric, None, laws.samples, 0, running=len(SIZES) - 1
    )
    assert clock.floored
    found = laws.forecast(SIZES[-1]).error
    assert found.value == pytest.approx(truth, abs=2e-3 * (truth - 5))
    assert found.low < truth < found.high
