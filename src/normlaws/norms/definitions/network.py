"""Norms of a network from the norms of its layers, in natural logarithms throughout.

Every function takes arrays with one entry per layer and returns a float. A product over many layers
overflows float64 in linear scale, so nothing here ever leaves the logarithm.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Logs = NDArray[np.float64]  # (layers,)


def log_sum(logs: Logs) -> float:
    """Log Σ exp(logs), without leaving the logarithm."""
    top = float(np.max(logs, initial=-math.inf))
    if not math.isfinite(top):
        return float("nan") if np.isnan(logs).any() else top
    return top + math.log(float(np.exp(logs - top).sum()))


def log_spectral_product(log_spectral: Logs) -> float:
    """Log Π_i ‖A_i‖_σ."""
    return float(np.sum(log_spectral))


def log_spectral_complexity(log_spectral: Logs, log_distance_21: Logs) -> float:
    """Spectral complexity, Bartlett, Foster & Telgarsky 2017, eq. 1.2.

    log [ (Π_i ‖A_i‖_σ) (Σ_i (‖A_iᵀ − M_iᵀ‖_{2,1} / ‖A_i‖_σ)^{2/3})^{3/2} ].

    Written as (Σ_i (‖A_iᵀ − M_iᵀ‖_{2,1} Π_{j≠i} ‖A_j‖_σ)^{2/3})^{3/2}, which needs no division, so
    a layer of zeros gives the limit value.

    Args:
        log_spectral: log ‖A_i‖_σ, (layers,).
        log_distance_21: log ‖A_iᵀ − M_iᵀ‖_{2,1}, (layers,).
    """
    return 1.5 * log_sum((2 / 3) * (log_distance_21 + _sum_of_the_others(log_spectral)))


def log_root_of_squares(logs: Logs) -> float:
    """Log √(Σ exp(logs)²)."""
    return log_sum(2 * logs) / 2


def _sum_of_the_others(logs: Logs) -> Logs:
    """Σ_{j≠i} logs_j, also where some are -inf."""
    zero = np.isneginf(logs)
    finite = np.where(zero, 0.0, logs)
    others_zero = zero.sum() - zero
    return np.where(others_zero > 0, -np.inf, finite.sum() - finite)
