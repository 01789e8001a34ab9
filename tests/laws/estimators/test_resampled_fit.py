"""Every quantity under every resample: row 0 is the data, and the rest are fits of drawn seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from normlaws.laws import fit, plant
from normlaws.laws.estimators.resampled_fit import _agree

SIZES = (100, 200, 400, 800)


@pytest.fixture(scope="module")
def curves():
    return plant(sizes=SIZES, seeds=4, noise=0.05)


def test_row_0_is_the_data(curves):
    plain, resampled = (fit(curves, resamples=n).samples for n in (0, 40))
    for name in ("log_error", "log_norm", "direct", "late"):
        first, data = getattr(resampled, name)[0], getattr(plain, name)[0]
        np.testing.assert_allclose(first, data, rtol=1e-12 if name != "late" else 1e-8)


def test_laws_of_a_row_are_straight_lines_through_its_means(curves):
    samples = fit(curves, resamples=20).samples
    for row in (0, 7, 20):
        known = np.isfinite(samples.log_error[row]) & samples.used
        sizes = samples.log_sizes[known]
        constant, slope = samples.direct[row]
        expected = np.polyfit(sizes, samples.log_error[row][known], 1)
        assert (slope, constant) == pytest.approx(tuple(expected), abs=1e-8)
        norms = samples.log_norm[row][known]
        assert samples.minima[row] == pytest.approx(np.polyfit(sizes, norms, 1)[0], abs=1e-8)
        constant, slope = samples.late[row]
        assert constant + slope * sizes.mean() == pytest.approx(norms.mean(), abs=1e-8)


def test_the_seed_decides_the_resamples(curves):
    first, again, other = (fit(curves, resamples=20, seed=n).samples.direct for n in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[1:], other[1:])


def test_without_seeds_there_is_one_row_and_no_interval(curves):
    frame = curves.frame.assign(seed=None).query("run.str.len() > 0")
    one = frame[frame["run"].isin(curves.runs.drop_duplicates("size")["run"])]
    laws = fit(type(curves)(one), resamples=50)
    assert len(laws.samples.direct) == 1
    assert laws.gamma.low is None


def test_a_joint_fit_that_turns_elsewhere_gives_no_exponent(curves):
    samples = fit(curves, resamples=40).samples
    assert samples.joint_is_used
    np.testing.assert_array_equal(samples.early_exponents[0], samples.joint.gamma1)
    for factor in (0.3, -1.0, 3.0):
        moved = replace(samples, minima=factor * samples.minima)
        assert not moved.joint_is_used
        np.testing.assert_array_equal(moved.early_exponents[0], samples.early.gamma1)


def test_noise_explains_no_difference_of_more_than_a_factor():
    noise = np.random.default_rng(0).normal(0.0, 10.0, 100)
    minima, slope = np.full(101, 1.0), np.concatenate([[2.0], 2.0 + noise])
    assert _agree(slope, minima)
    slope[0] = 2.6
    assert not _agree(slope, minima)
    for other in (-1.0, 0.0):
        minima[0] = other
        assert not _agree(slope, minima)
