"""The band of seeds holds the rescaled curves that seeds alone set apart."""

from __future__ import annotations

import numpy as np
import pytest

import normlaws as nl
from normlaws.laws.plant import plant
from normlaws.laws.seed_band import seed_band

SIZES = (100, 200, 400, 800, 1600, 3200)


@pytest.fixture(scope="module", params=[0.03, 0.12])
def noise(request) -> float:
    return request.param


def fitted(noise: float, generator: int = 0) -> nl.Laws:
    curves = plant(sizes=SIZES, seeds=5, records=30, noise=noise, generator=generator)
    return nl.fit(curves, resamples=100)


def inside(laws: nl.Laws) -> float:
    """Share of the points of the rescaled curves that lie in the band."""
    band, found = seed_band(laws.samples), laws.samples
    held = []
    for curve, x, y in zip(found.curves[0], band.log_norm, band.log_error, strict=True):
        at = np.interp(band.axis, found.panel.grid - x, curve - y, left=np.nan, right=np.nan)
        known = np.isfinite(at) & np.isfinite(band.half)
        held.append(np.abs(at - band.common)[known] <= band.half[known])
    return float(np.concatenate(held).mean())


def test_it_holds_curves_that_differ_by_seeds_alone(noise):
    assert inside(fitted(noise)) > 0.85


def test_it_widens_with_the_noise_of_seeds():
    low, high = (np.nanmedian(seed_band(fitted(n).samples).half) for n in (0.03, 0.12))
    assert 2.5 < high / low < 6  # 4 in proportion


def test_curves_without_seeds_have_none():
    laws = nl.fit(plant(sizes=SIZES, seeds=0, records=30))
    band = seed_band(laws.samples)
    assert not band.known
    assert np.isfinite(band.log_norm).all()
