"""Exponents of one-pass training on a power-law spectrum (arXiv 2410.09005 and our page)."""

from __future__ import annotations

from scipy.special import gamma as gamma_function
from scipy.special import zeta

from normlaws.theory.committee.results import CommitteeLaws


def committee_laws(beta: float, rate: float, activation: str) -> CommitteeLaws:
    """The laws of spectrum exponent β at effective rate η M/K.

    With x = η λ₊ α and b = 1 + β: ε = c_epsilon x^−β/b, and ‖J‖²/N = (c_lambda x^(1/b) − ½)/L for
    one student and one teacher that starts near 0.
    """
    b = 1 + beta
    factors = {}
    if activation == "linear":
        late = gamma_function(beta / b) / (b * zeta(b)) * 2 ** (-beta / b)
        factors["c_epsilon"] = float(0.5 * late / (1 - rate / 2))
        factors["c_lambda"] = float(-gamma_function(-1 / b) * (2 - 2 ** (1 / b)) / b)
    return CommitteeLaws(
        regime="one pass" if activation == "linear" else "one pass, not reached",
        gamma=beta / b,
        gamma0=0.0,
        gamma1=2 * beta,
        gamma2=1 / (2 * b),
        prefactors=factors,
    )
