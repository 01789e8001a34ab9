"""Diagonal networks the slow way: the weights themselves, and constrained minimisation."""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import linprog


def by_formula(size, dimension):
    """X, y and β* of a problem without random numbers."""
    k = np.arange(1, size * dimension + 1.0)
    inputs = (np.sqrt(2) * np.sin(1.7 * k**2)).reshape(size, dimension)
    truth = np.zeros(dimension)
    truth[:3] = np.array([1, -1, 1]) / np.sqrt(3)
    return inputs, inputs @ truth, truth


def pull_of(loss):
    """−dL/dprediction."""
    if loss == "squared":
        return lambda f, y: 2 * (y - f)
    return lambda f, y: y / (1 + np.exp(y * f)) / len(y)


def weight_flow(inputs, targets, scale, depth, times, loss="squared", rtol=1e-11):
    """β (times, d) of gradient flow on w₊ and w₋ themselves."""
    dimension, pull = inputs.shape[1], pull_of(loss)

    def speed(_, weights):
        plus, minus = weights[:dimension], weights[dimension:]
        force = pull(inputs @ (plus**depth - minus**depth), targets) @ inputs
        return np.concatenate(
            [depth * plus ** (depth - 1) * force, -depth * minus ** (depth - 1) * force]
        )

    found = solve_ivp(
        speed, (0, times[-1]), np.full(2 * dimension, scale), method="LSODA",
        rtol=rtol, atol=1e-13 * scale, t_eval=times,
    )  # fmt: skip
    assert found.success
    return (found.y[:dimension] ** depth - found.y[dimension:] ** depth).T


def least_l1(inputs, targets):
    """The interpolator of least L1 norm, by linear programming."""
    dimension = inputs.shape[1]
    found = linprog(
        np.ones(2 * dimension), A_eq=np.hstack([inputs, -inputs]), b_eq=targets, method="highs"
    )
    return found.x[:dimension] - found.x[dimension:]
