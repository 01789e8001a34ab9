"""The solvable perceptron obeys γ2 = γ = 1 and, for 1 ≪ λ ≪ α, γ1 = γ0 = 1/2 (THEORY §3)."""

from __future__ import annotations

import numpy as np
import pytest

import normlaws as nl


def laws_of(alphas, norms):
    curves = nl.theory.FixedNormPerceptron().curves(list(alphas), norms, 1000)
    return nl.fit(curves, norm=curves.norms[0], metric="test_error")


def test_late_exponents_over_a_decade():
    laws = laws_of(np.geomspace(20, 200, 8), np.geomspace(0.1, 2000, 60))
    assert laws.gamma.value == pytest.approx(1.0, rel=0.01)
    assert laws.gamma2.value == pytest.approx(1.0, rel=0.01)
    assert laws.gamma.low is None


def test_early_exponents_far_from_both_ends():
    """Corrections are of order λ/α and 1/λ²: at α of hundreds they are below a tenth."""
    laws = laws_of(np.geomspace(200, 2000, 8), np.geomspace(2, 20000, 60))
    assert laws.gamma1.value == pytest.approx(0.5, abs=0.05)
    assert laws.gamma0.value == pytest.approx(0.5, abs=0.05)
    assert laws.product.value == pytest.approx(1.0, abs=0.03)
