"""Deviations from the crossover: none where it is planted, and those that were put in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from normlaws.curves import Curves
from normlaws.laws.data.grid import panel_of
from normlaws.laws.data.runs import runs_of
from normlaws.laws.estimators.resampled_fit import sample
from normlaws.laws.plant import Planted, plant

SIZES = [100 * 2**k for k in range(7)]


def deviations_of(curves):
    return sample(panel_of(runs_of(curves, "spectral_complexity", "test_error")), 0, 0).deviations


def moved(law, norm_of, size_of):
    """Exact curves of ``law`` read at another norm and another size."""
    frames = []
    for size in SIZES:
        first = law.gamma2 * np.log(SIZES[0]) - 4
        x = np.linspace(first, law.gamma2 * np.log(size) + 2.5, 60)
        error = np.exp(law.log_error(norm_of(x), size_of(size)))
        frames.append(
            pd.DataFrame(
                {"run": str(size), "size": size, "seed": pd.NA, "step": range(60)}
                | {"test_error": error, "log_spectral_complexity": x}
            )
        )
    return Curves(pd.concat(frames, ignore_index=True))


def test_a_planted_crossover_has_none():
    found = deviations_of(plant(sizes=SIZES, seeds=0))
    for values in (found.bend, found.drift, found.width):
        assert values[0] == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize("ratio", [0.4, 2.5])
def test_a_gamma2_that_drifts_is_found(ratio):
    law, rate = Planted(), np.log(ratio)
    low, high = np.log(SIZES[0]), np.log(SIZES[-1])

    def as_if(size):  # d ln size / d ln P grows by the ratio, mean 1
        share = np.expm1(rate * (np.log(size) - low) / (high - low)) / np.expm1(rate)
        return float(np.exp(low + (high - low) * share))

    found = deviations_of(moved(law, lambda x: x, as_if))
    assert found.drift[0] == pytest.approx(rate, abs=0.05)
    assert found.bend[0] == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("rate", [-0.8, 0.8])
def test_an_early_curve_that_bends_is_found(rate):
    law = Planted()
    low, high = law.gamma2 * np.log(SIZES[0]) - 4, law.gamma2 * np.log(SIZES[-1])

    def as_if(x):  # the slope changes by e^rate from end to end
        return low + (high - low) * np.expm1(rate * (x - low) / (high - low)) / np.expm1(rate)

    found = deviations_of(moved(law, as_if, lambda size: size))
    assert found is None or found.bend[0] == pytest.approx(rate, abs=0.3)
