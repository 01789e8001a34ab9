"""The joint fit against planted crossovers: exponents, prediction, unexplained residuals."""

from __future__ import annotations

import numpy as np
import pytest

from normlaws.laws import Planted, fit, plant

SIZES = (100, 200, 400, 800, 1600)


@pytest.mark.parametrize(
    "law",
    [Planted(gamma1=0.5, gamma2=1.0), Planted(gamma1=0.8, gamma2=0.6, rise=0.5)],
    ids=["steps of the paper", "steeper"],
)
def test_planted_exponents_without_noise(law):
    joint = fit(plant(law, sizes=SIZES, seeds=2, noise=0.0, jitter=0.0), resamples=0).samples.joint
    assert joint is not None
    assert joint.gamma1[0] == pytest.approx(law.gamma1, abs=0.01)
    assert joint.gamma2[0] == pytest.approx(law.gamma2, abs=0.01)
    assert joint.gamma0[0] == pytest.approx(0, abs=0.01)


def test_prediction_is_the_curve_that_was_planted():
    laws = fit(plant(sizes=SIZES, seeds=2, noise=0.0, jitter=0.0), resamples=0)
    joint = laws.crossover
    assert joint is not None
    assert joint.scatter < 0.005
    rows = laws.mean_curves.dropna(subset=["error"])
    inside = rows["log_norm"] >= joint.lower
    inside &= rows["log_norm"] <= rows["size"].map(joint.upper)
    for size, part in rows[inside].groupby("size"):
        fitted = joint.predict(part["log_norm"].to_numpy(), size)
        assert np.abs(np.log(part["error"] / fitted)).max() < 0.02


def test_resamples_scatter_about_the_data():
    samples = fit(plant(sizes=SIZES, seeds=5, noise=0.05), resamples=60).samples
    gamma1 = samples.joint.gamma1
    spread = gamma1[1:].std()
    assert 0 < spread < 0.1
    assert abs(gamma1[1:].mean() - gamma1[0]) < 2 * spread
