"""The early window against a plane that is planted, and against lstsq in the same region."""

from __future__ import annotations

import numpy as np
import pytest

from normlaws.laws import Planted, fit, plant

SIZES = (100, 200, 400, 800, 1600)


def points_inside(samples):
    """ln λ, ln P and ln ε of the mean curves between the window's ends."""
    early, panel = samples.early, samples.panel
    rows = [
        (x, np.log(size), value)
        for size, end, curve in zip(panel.sizes, early.ends[0], samples.curves[0], strict=True)
        for x, value in zip(panel.grid, curve, strict=True)
        if early.low[0] - 1e-9 <= x <= end + 1e-9 and np.isfinite(value)
    ]
    return np.array(rows).T


@pytest.mark.parametrize("gamma1", [0.3, 0.8])
def test_planted_slope_in_a_window_set_by_hand_far_below_the_optimum(gamma1):
    law = Planted(gamma1=gamma1, gamma2=1.0, sharpness=6.0)
    curves = plant(law, sizes=SIZES, seeds=2, noise=0.0, jitter=0.0)
    top = fit(curves, resamples=0).sizes["log_norm"].max()
    lowest = float(curves.frame["log_spectral_complexity"].min())
    laws = fit(curves, resamples=0, window=(lowest + 0.3, top - 2.5))
    assert laws.gamma1.value == pytest.approx(gamma1, abs=0.01)
    assert laws.gamma0.value == pytest.approx(0, abs=0.02)


def test_the_plane_is_that_of_least_squares_on_the_same_points():
    samples = fit(plant(sizes=SIZES, seeds=3, generator=5), resamples=0).samples
    x, p, y = points_inside(samples)
    design = np.stack([np.ones_like(x), -x, -p], axis=1)
    _, gamma1, gamma0 = np.linalg.lstsq(design, y, rcond=None)[0]
    assert samples.early.gamma1[0] == pytest.approx(gamma1, abs=0.03)
    assert samples.early.gamma0[0] == pytest.approx(gamma0, abs=0.03)


def test_the_window_ends_below_every_optimum():
    samples = fit(plant(sizes=SIZES, seeds=3), resamples=0).samples
    assert (samples.early.ends[0] <= samples.log_norm[0] + 1e-9).all()
    assert samples.early.low[0] < samples.early.ends[0].max()
