"""The common grid: interpolation, means and noise against loops over the raw rows."""

from __future__ import annotations

import numpy as np
import pytest

from normlaws.laws import fit, plant


@pytest.fixture(scope="module")
def curves():
    return plant(sizes=(100, 400, 1600), seeds=4, noise=0.04, generator=3)


@pytest.fixture(scope="module")
def panel(curves):
    return fit(curves, resamples=0).samples.panel


def test_sizes_and_members_are_those_of_the_runs(panel):
    assert list(panel.sizes) == [100, 400, 1600]
    for row, run in zip(panel.member, panel.runs, strict=True):
        assert row.sum() == 1
        assert panel.sizes[row.argmax()] == run.size


def test_a_run_on_the_grid_is_its_line_and_nothing_beyond_its_ends(panel):
    for run, found in zip(panel.runs, panel.on_grid, strict=True):
        logs, errors = run.log_norm[run.rising], run.log_error[run.rising]
        for place, value in zip(panel.grid, found, strict=True):
            if not logs[0] <= place <= logs[-1]:
                assert np.isnan(value)
                continue
            right = max(1, int(np.searchsorted(logs, place)))
            share = (place - logs[right - 1]) / (logs[right] - logs[right - 1])
            expected = errors[right - 1] + share * (errors[right] - errors[right - 1])
            assert value == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_mean_curves_are_weighted_means_over_the_runs_that_reach(panel):
    weights = np.arange(1.0, 1 + len(panel.runs))[None]
    found = panel.mean_curves(weights)[0]
    for k, size in enumerate(panel.sizes):
        for g in range(0, len(panel.grid), 7):
            mine = [
                (weight, values[g])
                for run, weight, values in zip(panel.runs, weights[0], panel.on_grid, strict=True)
                if run.size == size and np.isfinite(values[g])
            ]
            if not mine:
                assert np.isnan(found[k, g])
                continue
            expected = sum(w * v for w, v in mine) / sum(w for w, _ in mine)
            assert found[k, g] == pytest.approx(expected, rel=1e-9)


def test_noise_of_a_mean_curve_is_what_was_planted():
    """Seeds differ by independent factors of 4 %: a mean over n of them by 4 %/√n."""
    few, many = (
        fit(plant(sizes=(100, 400, 1600), seeds=n, noise=0.04), resamples=0).samples.panel.noise
        for n in (4, 16)
    )
    assert few.mean() / many.mean() == pytest.approx(2, rel=0.4)
