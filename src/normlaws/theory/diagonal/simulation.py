"""Diagonal networks trained step by step on their weights, as a network is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from normlaws.arrays import Floats
from normlaws.errors import NormlawsWarning
from normlaws.theory._checks import positive, whole
from normlaws.theory.diagonal.flow import LOSSES
from normlaws.theory.diagonal.network import DiagonalNetwork, problem


def descend_diagonal(
    network: DiagonalNetwork,
    X: ArrayLike,
    y: ArrayLike,
    *,
    learning_rate: float,
    steps: Sequence[int],
    loss: str = "squared",
) -> Floats:
    """β (records, d) of gradient descent on w₊ and w₋; after step n it is near the flow at n·rate.

    Args:
        network: α and D.
        X: inputs (P, d).
        y: targets (P,), ±1 with the logistic loss.
        learning_rate: step of the weights, times the gradient of the loss.
        steps: after which β is recorded, ascending.
        loss: as in :meth:`DiagonalNetwork.flow`.

    Raises:
        InputError: a value is out of range.

    Warns:
        NormlawsWarning: descent diverged; β is NaN from there.
    """
    inputs, targets, chosen = problem(X, y, loss)
    rate, depth = float(positive("learning_rate", learning_rate)), network.depth
    last = whole("steps", max(steps))
    plus = np.full(inputs.shape[1], network.init_scale)
    minus = plus.copy()
    found, wanted = [], set(steps)
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(1, last + 1):
            force = LOSSES[chosen].pull(inputs @ (plus**depth - minus**depth), targets) @ inputs
            plus, minus = (
                plus + rate * depth * plus ** (depth - 1) * force,
                minus - rate * depth * minus ** (depth - 1) * force,
            )
            if step in wanted:
                found.append(plus**depth - minus**depth)
    beta = np.stack(found)
    if not np.all(np.isfinite(beta)):
        warnings.warn(
            f"gradient descent at learning rate {rate:g} diverged; what is missing is NaN",
            NormlawsWarning,
            stacklevel=2,
        )
        beta[~np.isfinite(beta).all(axis=1)] = np.nan
    return beta
