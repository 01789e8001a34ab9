"""Exponents and prefactors of the two laws in closed form (arXiv 2402.01092 and our page)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gamma as gamma_function

from normlaws.arrays import Floats
from normlaws.errors import InputError
from normlaws.theory._checks import positive
from normlaws.theory.random_features.results import FeatureLaws

NAN = math.nan
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)


def zeta(x: float) -> float:
    """Riemann's ζ at any real x ≠ 1, by Euler and Maclaurin; SciPy's begins at 1."""
    n = 20
    total = sum(k**-x for k in range(1, n)) + n ** (1 - x) / (x - 1) + 0.5 * n**-x
    rising, factorial = x, 2.0
    for j, number in enumerate(BERNOULLI, 1):
        total += number * rising / factorial * n ** (1 - x - 2 * j)
        rising *= (x + 2 * j - 1) * (x + 2 * j)
        factorial *= (2 * j + 1) * (2 * j + 2)
    return float(total)


def laws(a: float, b: float, noise: float) -> FeatureLaws:
    """The laws of target exponent ``a``, spectrum exponent ``b`` and label noise σ²."""
    hard = a < 1 + b
    regime, gamma = _regime(a, b, noise), (a - 1) / a if noise else min(a - 1, 2 * b)
    gamma2 = NAN
    if hard:
        gamma2 = (1 + b - a) / (2 * a if noise else 2)
    return FeatureLaws(
        regime=regime,
        gamma=gamma,
        gamma0=0.0 if hard else NAN,
        gamma1=2 * (a - 1) / (1 + b - a) if hard else NAN,
        gamma2=gamma2,
        width_exponent=min(a - 1, b),
        compute_exponent=(a - 1) / (1 + b) if hard else (a - 1) / a,
        compute_width_exponent=1 / (1 + b) if hard else (a - b) / a,
        prefactors=_prefactors(a, b, noise),
    )


def _regime(a: float, b: float, noise: float) -> str:
    if a == 1 + b:
        return "marginal target"
    if a > 1 + b:
        return "easy target"
    if noise:
        return "noisy"
    return "noise-free" if a < b else "noise-free, no optimum"


def _prefactors(a: float, b: float, noise: float) -> dict[str, float]:
    u, s = (a - 1) / b, (1 + b - a) / b
    found = {
        "c_L": gamma_function(u) / b * 2**-u,
        "c_lambda": _norm_factor(s, b) if s > 0 else NAN,
        "c_V": _norm_factor(1 / b, b),
        "c_N": _norm_factor((1 + b) / b, b),
    }
    if noise:
        tau = (found["c_L"] * (a - 1) / found["c_V"]) ** (b / a)
        found |= {
            "tau": tau,
            "K": found["c_L"] * tau**-u + found["c_V"] * tau ** (1 / b),
            "Lambda": found["c_lambda"] * tau**s + found["c_N"] * tau ** ((1 + b) / b),
        }
    elif u < 2:
        base = (math.pi / b) / math.sin(math.pi / b)
        found["D"] = base ** (a - 1) * gamma_function(u) * gamma_function(2 - u)
    return {name: float(value) for name, value in found.items()}


def _norm_factor(x: float, b: float) -> float:
    return float(-gamma_function(-x) * (2 - 2**x) / b)


def early_law(a: float, b: float, norm: ArrayLike) -> Floats:
    """Test loss as a function of the norm alone, P → ∞ and t → ∞: c_L [(λ² − ζ)/c_λ]^−u/s.

    NaN at norms below √ζ(a − b), where the law has not begun.

    Raises:
        InputError: the target is not hard (a ≥ 1 + b), or a norm is not positive.
    """
    if a >= 1 + b:
        raise InputError(
            f"expected target_exponent below 1 + spectrum_exponent = {1 + b:g} for an early law, "
            f"got {a:g}, where the norm saturates"
        )
    values = positive("norm", norm)
    factors, s, offset = _prefactors(a, b, 0.0), (1 + b - a) / b, zeta(a - b)
    with np.errstate(invalid="ignore"):
        grown = np.where(values**2 > offset, (values**2 - offset) / factors["c_lambda"], np.nan)
        return np.asarray(factors["c_L"] * grown ** (-(1 - s) / s))[()]
