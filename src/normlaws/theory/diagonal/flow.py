"""Gradient flow of a diagonal network, in coordinates in which it is a mirror flow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from normlaws.arrays import Floats
from normlaws.theory._stiff import follow
from normlaws.theory.diagonal.geometry import Geometry

RTOL = 1e-10


@dataclass(frozen=True)
class Loss:
    """A loss as a function of the predictions f (P,), by its first two derivatives.

    Attributes:
        pull: −dL/df, (P,).
        bend: d²L/df², (P,), diagonal.
    """

    pull: Callable[[Floats, Floats], Floats]
    bend: Callable[[Floats, Floats], Floats]


def _squared_pull(predictions: Floats, targets: Floats) -> Floats:
    return 2 * (targets - predictions)


def _squared_bend(predictions: Floats, targets: Floats) -> Floats:
    return np.full_like(targets, 2.0)


def _logistic_pull(predictions: Floats, targets: Floats) -> Floats:
    found: Floats = targets * expit(-targets * predictions) / len(targets)
    return found


def _logistic_bend(predictions: Floats, targets: Floats) -> Floats:
    found: Floats = expit(predictions) * expit(-predictions) / len(targets)
    return found


LOSSES = {
    "squared": Loss(_squared_pull, _squared_bend),  # |Xβ − y|²
    "logistic": Loss(_logistic_pull, _logistic_bend),  # mean of ln(1 + e^−yf)
}


def trajectory(
    geometry: Geometry,
    inputs: Floats,
    targets: Floats,
    times: Floats,
    loss: Loss,
    rtol: float = RTOL,
) -> Floats:
    """θ (times, d) along the flow θ' = D²α^(D−2) cosh²(κθ) Xᵀ(−dL/df); NaN where it breaks off.

    For D = 2, θ stays in the row space of X, and with fewer examples than coordinates its P
    coefficients are followed instead.
    """
    inside = geometry.bend == 0 and len(targets) < inputs.shape[1]
    basis = inputs if inside else None
    rate = np.exp(geometry.log_rate)

    def of(state: Floats) -> Floats:
        return state @ inputs if inside else state

    def speed(state: Floats) -> Floats:
        theta = of(state)
        pull = loss.pull(inputs @ geometry.beta(theta), targets)
        found: Floats = rate * pull if inside else rate * _gain(geometry, theta) * (pull @ inputs)
        return found

    def jacobian(state: Floats) -> Floats:
        theta = of(state)
        predictions = inputs @ geometry.beta(theta)
        bend = loss.bend(predictions, targets)[:, None]
        moved = inputs * geometry.slope(theta)
        if inside:
            found: Floats = -rate * bend * (moved @ inputs.T)
            return found
        force = loss.pull(predictions, targets) @ inputs
        gain = _gain(geometry, theta)
        whole = -gain[:, None] * (inputs.T @ (bend * moved))
        own = 2 * geometry.bend * np.tanh(geometry.bend * theta) * gain * force
        found = rate * (whole + np.diag(own))
        return found

    start = np.zeros(len(targets) if inside else inputs.shape[1])
    atol = rtol * _scale(geometry, inputs, targets, times, loss, inside)
    states = follow(speed, jacobian, start, times, rtol=rtol, atol=atol)
    return states @ basis if basis is not None else states


def _gain(geometry: Geometry, theta: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.cosh(geometry.bend * theta) ** 2


def _scale(
    geometry: Geometry, inputs: Floats, targets: Floats, times: Floats, loss: Loss, inside: bool
) -> float:
    """The size of the state that matters: at the first time, at most that of the final β."""
    pull = loss.pull(np.zeros_like(targets), targets)
    force = np.max(np.abs(pull if inside else pull @ inputs), initial=0.0)
    later = times[times > 0]
    first = np.exp(geometry.log_rate) * force * (later[0] if later.size else 1.0)
    reach = np.linalg.norm(targets) / np.linalg.norm(inputs, 2)
    final = np.max(np.abs(geometry.theta(np.array([reach / np.sqrt(inputs.shape[1])]))))
    return float(max(min(first, final, 1.0), 1e-200))
