"""The proximal map of the logistic loss, with χ held as its logarithm."""

from __future__ import annotations

import numpy as np
from scipy.special import expit as sigmoid

from normlaws.arrays import Floats

__all__ = ["log_prox_shift", "prox", "sigmoid", "softplus"]


def softplus(value: Floats) -> Floats:
    """log(1 + e^value) without overflow."""
    return np.logaddexp(0.0, value)


def log_prox_shift(field: Floats, log_chi: Floats) -> Floats:
    """ln(v − x), where v = argmin ℓ(v) + (v − x)²/2χ, ℓ(v) = log(1 + e^−v).

    With q = v − x the stationarity condition is ln q + softplus(x + q) = ln χ. Its left side is
    increasing and convex in ln q, so Newton's method from above converges without a safeguard.

    Args:
        field: x, any shape.
        log_chi: ln χ, broadcast against ``field``.
    """
    field, log_chi = np.broadcast_arrays(field, log_chi)
    log_shift = np.minimum(log_chi, np.log(np.maximum(log_chi - field, 1.0)))
    for _ in range(60):
        shift = np.exp(log_shift)
        excess = log_shift + softplus(field + shift) - log_chi
        step = excess / (1.0 + shift * sigmoid(field + shift))
        log_shift = log_shift - step
        if np.all(np.abs(step) <= 1e-9):  # the error is now of the order of its square
            break
    return log_shift


def prox(field: Floats, log_chi: Floats) -> Floats:
    """The prox v = argmin ℓ(v) + (v − x)²/2χ; arguments as in :func:`log_prox_shift`."""
    return field + np.exp(log_prox_shift(field, log_chi))
