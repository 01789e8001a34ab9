from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from normlaws.laws import distributions as ours

LEVELS = np.array([0.001, 0.025, 0.5, 0.8, 0.95, 0.975, 0.9999])
FREEDOM = np.array([1.0, 2.0, 3.5, 7.0, 40.0, 5000.0])
GRID = np.meshgrid(LEVELS, FREEDOM)
Z = np.array([-30.0, -3.0, -0.1, 0.0, 1.0, 8.0])

PAIRS = {
    "normal_below": (ours.normal_below(Z), stats.norm.cdf(Z)),
    "normal_density": (ours.normal_density(Z), stats.norm.pdf(Z)),
    "t_quantile": (ours.t_quantile(*GRID), stats.t.ppf(*GRID)),
    "f_quantile": (ours.f_quantile(*GRID, 9.0), stats.f.ppf(*GRID, 9.0)),
    "f_above": (ours.f_above(Z[3:], 2.0, 9.0), stats.f.sf(Z[3:], 2.0, 9.0)),
    "chi2_quantile": (ours.chi2_quantile(*GRID), stats.chi2.ppf(*GRID)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_functions_equal_those_of_scipy_stats(name):
    found, expected = PAIRS[name]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-300)


def test_what_has_no_answer_is_not_a_number():
    assert np.isnan(ours.t_quantile(0.975, 0.0)) == np.isnan(stats.t.ppf(0.975, 0.0))
    assert np.isnan(ours.t_quantile(np.nan, 3.0))
    assert np.isnan(ours.f_above(np.nan, 2.0, 3.0))
