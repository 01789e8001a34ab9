"""The laws of random features: closed forms, exact values that tend to them, and ``nl.fit``."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

import normlaws as nl
from normlaws.theory import RandomFeatures
from normlaws.theory.random_features.comparison import SIZES
from normlaws.theory.random_features.laws import zeta
from normlaws.theory.random_features.simulation import simulate_features


def slope(x, y):
    return np.diff(np.log(y)) / np.diff(np.log(x))


def test_zeta_on_the_whole_line():
    for x in (-1.5, -0.5, 0.0, 0.25, 0.9, 1.1, 3.0):
        assert zeta(x) == pytest.approx(float(mpmath.zeta(x)), rel=1e-12)


@pytest.mark.parametrize(
    ("b", "K", "Lambda", "tau"),
    [(1.5, 2.465757, 1.722296, 0.641220), (1.25, 2.439061, 2.685933, 0.622083)],
)
def test_given_prefactors(b, K, Lambda, tau):
    found = RandomFeatures(1.5, b).laws().prefactors
    assert found["K"] == pytest.approx(K, abs=1e-6)
    assert found["Lambda"] == pytest.approx(Lambda, abs=1e-6)
    assert found["tau"] == pytest.approx(tau, abs=1e-6)


def test_exponents_by_regime():
    noisy = RandomFeatures(1.5, 1.25).laws()
    assert (noisy.regime, noisy.gamma0) == ("noisy", 0)
    assert noisy.gamma == pytest.approx(noisy.gamma1 * noisy.gamma2)
    assert (noisy.gamma1, noisy.gamma2) == (pytest.approx(4 / 3), pytest.approx(0.25))
    clean = RandomFeatures(1.3, 1.5, noise=0).laws()
    assert (clean.regime, clean.gamma) == ("noise-free", pytest.approx(0.3))
    assert clean.gamma == pytest.approx(clean.gamma1 * clean.gamma2)
    endless = RandomFeatures(2.0, 1.5, noise=0).laws()
    assert (endless.regime, endless.gamma) == ("noise-free, no optimum", 1)
    easy = RandomFeatures(4, 1.2).laws()
    assert (easy.regime, easy.gamma) == ("easy target", pytest.approx(0.75))
    assert math.isnan(easy.gamma1)
    assert math.isnan(easy.gamma2)
    assert RandomFeatures(2.5, 1.5).laws().regime == "marginal target"
    assert RandomFeatures(6, 1.2, noise=0).laws().gamma == pytest.approx(2.4)


@pytest.mark.parametrize(("a", "b"), [(1.5, 1.5), (1.5, 1.25), (1.3, 2.0), (2.5, 2.2)])
def test_early_law_is_reached(a, b):
    model = RandomFeatures(a, b, modes=10**12, noise=0)
    time = np.array([1e2, 1e3])
    found = model.solve(math.inf, time)
    np.testing.assert_allclose(model.early_law(found.norm), found.test_loss, rtol=2e-3)
    in_time = model.laws().prefactors["c_L"] * time ** (-(a - 1) / b)
    np.testing.assert_allclose(found.test_loss, in_time, rtol=2e-3)


@pytest.mark.parametrize(("a", "b"), [(1.5, 1.5), (1.5, 1.25), (2.4, 1.5)])
def test_early_law_is_exact_but_for_exponentially_small_terms(a, b):
    model = RandomFeatures(a, b, modes=10**15, noise=0)
    found = model.solve(math.inf, [1e2, 1e3])
    cut = 1e15 ** (1 - a) / (a - 1)  # what the modes beyond the last would add
    law = model.early_law(found.norm) - cut
    np.testing.assert_allclose(law, found.test_loss, rtol=1e-6)


def test_late_laws_with_label_noise():
    model = RandomFeatures(1.5, 1.5, modes=10**14)
    sizes, laws = np.array([0.5e12, 1e12, 2e12]), model.laws()
    best = model.optimum(sizes)
    assert slope(sizes[::2], best.test_loss[::2])[0] == pytest.approx(-laws.gamma, rel=2e-3)
    assert slope(sizes[::2], best.norm[::2])[0] == pytest.approx(laws.gamma2, rel=1e-3)
    expected = laws.prefactors["K"] * sizes**-laws.gamma
    np.testing.assert_allclose(best.test_loss, expected, rtol=2e-3)
    grown = laws.prefactors["Lambda"] * sizes ** (2 * laws.gamma2)
    np.testing.assert_allclose(best.norm**2, grown, rtol=5e-3)


def test_an_optimum_without_noise_exists_below_the_spectrum_exponent_alone():
    below = RandomFeatures(1.3, 1.5, modes=10**12, noise=0)
    best, sizes = below.optimum([1e6, 1e8]), np.array([1e6, 1e8])
    assert set(best.status) == {"solved"}
    assert slope(sizes, best.test_loss)[0] == pytest.approx(-below.laws().gamma, rel=0.03)
    assert slope(sizes, best.norm)[0] == pytest.approx(below.laws().gamma2, rel=0.03)
    for a in (1.5, 1.8):
        none = RandomFeatures(a, 1.5, noise=0).optimum([100, 1e4])
        assert set(none.status) == {"no optimum"}
        assert np.all(np.isnan(none.time))


@pytest.mark.parametrize(("a", "b"), [(1.5, 1.5), (3.0, 1.5), (5.0, 1.2)])
def test_width_limited_exponent(a, b):
    widths = [1e4, 1e5]
    losses = [
        float(RandomFeatures(a, b, modes=10**12, width=n, noise=0).limit(math.inf).test_loss)
        for n in widths
    ]
    expected = RandomFeatures(a, b).laws().width_exponent
    assert slope(widths, losses)[0] == pytest.approx(-expected, rel=0.04)


@pytest.mark.parametrize(("a", "b", "tolerance"), [(1.8, 1.5, 0.02), (4.0, 1.2, 0.01)])
def test_compute_frontier(a, b, tolerance):
    model, compute = RandomFeatures(a, b, modes=10**10), np.array([1e10, 1e11])
    found, laws = model.frontier(compute), model.laws()
    loss = slope(compute, found.test_loss)[0]
    assert loss == pytest.approx(-laws.compute_exponent, rel=tolerance)
    width = slope(compute, found.width)[0]
    assert width == pytest.approx(laws.compute_width_exponent, rel=2 * tolerance)
    for factor in (0.8, 1.25):
        n = float(found.width[0]) * factor
        other = RandomFeatures(a, b, modes=10**10, width=n, noise=0).solve(math.inf, compute[0] / n)
        assert other.test_loss > found.test_loss[0]


def test_fit_reads_the_exponents():
    model = RandomFeatures(1.5, 1.5)
    sizes = np.geomspace(1e5, 1e8, 8).round().astype(int)
    found = nl.fit(model.curves(sizes), norm="frobenius", metric="test_loss", resamples=0)
    laws = model.laws()
    assert found.gamma.value == pytest.approx(laws.gamma, rel=0.02)
    assert found.gamma1.value == pytest.approx(laws.gamma1, rel=0.03)
    assert found.gamma2.value == pytest.approx(laws.gamma2, rel=0.02)
    assert abs(found.gamma0.value) < 0.002


@pytest.mark.parametrize(("a", "b"), [(1.5, 1.5), (1.5, 2.0), (1.3, 1.5)])
def test_exact_curves_of_students_sizes_are_established(a, b):
    curves = RandomFeatures(a, b, modes=2000).curves(SIZES, records=40)
    laws = nl.fit(curves, norm="frobenius", metric="test_loss", resamples=0)
    assert "laws_hold" in laws.verdict.codes


def test_intervals_of_students_hold_the_exact_finite_size_values():
    """Three repetitions of eight seeds; benchmarks/laws.py has thirty of sixteen."""
    model, how = RandomFeatures(1.5, 2.0, modes=500), {"norm": "frobenius", "metric": "test_loss"}
    sizes = SIZES[:4]
    exact = nl.fit(model.curves(sizes, records=40), resamples=0, **how)
    students = simulate_features(model, sizes, modes=500, seeds=24, records=40)
    held = []
    for first in (0, 8, 16):
        laws = nl.fit(students.select(seeds=range(first, first + 8)), resamples=60, **how)
        for name in ("gamma", "gamma0", "gamma1", "gamma2"):
            found = getattr(laws, name)
            held.append(found.low <= getattr(exact, name).value <= found.high)
    assert sum(held) >= 11
