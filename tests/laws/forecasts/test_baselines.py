"""M4 against its own implicit equation."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from normlaws.laws.forecasts.baselines import FAR, M4


def missed(z: float, a: float, log_excess: float, target: float) -> float:
    """Left less right side, in logarithms, at (ε − ε∞) / (ε0 − ε∞) = 1 / (1 + e^−z)."""
    below, above = -np.logaddexp(0, -z), -np.logaddexp(0, z)
    return log_excess + below - a * (log_excess + above) - target


def test_m4_solves_its_equation_wherever_its_parameters_may_lie():
    """(ε − ε∞) / (ε0 − ε)^a = β P^(−c) (Alabdulmohsin et al. 2022, equation 2)."""
    random = np.random.default_rng(0)
    low, high = (np.array(limit) for limit in M4().bounds(np.array([2.0, 14.0]), np.array([0.0])))
    theta = random.uniform(low, high, (400, 5))
    theta[:200, 0] = random.uniform(-8, 20, 200)
    log_p = np.linspace(2, 14, 5)
    found = M4().log_error(theta, log_p)
    for (log_beta, c, log_offset, log_a, log_excess), values in zip(theta, found, strict=True):
        for x, value in zip(log_p, values, strict=True):
            known = np.exp(log_a), log_excess, log_beta - c * x
            if missed(-FAR, *known) < 0 < missed(FAR, *known):
                z = brentq(missed, -FAR, FAR, args=known, xtol=1e-13)
                expected = np.logaddexp(log_offset, log_excess - np.logaddexp(0, -z))
                np.testing.assert_allclose(value, expected, rtol=0, atol=1e-10)
