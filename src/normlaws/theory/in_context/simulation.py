"""In-context regression by Monte Carlo: softmax heads on random contexts."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from normlaws.arrays import Floats
from normlaws.theory._checks import whole
from normlaws.theory.in_context.model import InContextRegression

Predict = Callable[[Floats, Floats, Floats], Floats]
_AT_ONCE = 2**22  # numbers of one draw


class Sampled(NamedTuple):
    """A mean over random contexts, and its standard error."""

    mean: float
    error: float


def sample_risk(
    model: InContextRegression, mu: ArrayLike, omega: ArrayLike, contexts: int = 20_000,
    seed: int = 0,
) -> Sampled:  # fmt: skip
    """The risk of softmax heads, on fresh contexts of the model's length.

    Exact at finite L up to its error, where :meth:`InContextRegression.risk` is the order 1/L.

    Args:
        model: d, L and s².
        mu: μ, (heads,).
        omega: ω, (heads,).
        contexts: how many.
        seed: of the draw.
    """
    values, weights = np.atleast_1d(mu, omega)

    def predict(inputs: Floats, outputs: Floats, query: Floats) -> Floats:
        fields = np.einsum("bld,bd->bl", inputs, query)
        guess = np.zeros(len(query))
        for value, weight in zip(values, weights, strict=True):
            scores = np.exp(weight * (fields - fields.max(axis=1, keepdims=True)))
            if weight < 0:
                scores = np.exp(weight * (fields - fields.min(axis=1, keepdims=True)))
            guess += value * np.sum(scores * outputs, axis=1) / np.sum(scores, axis=1)
        return guess

    return _average(model, predict, contexts, seed)


def sample_debiased(
    model: InContextRegression, step: float, contexts: int = 20_000, seed: int = 0
) -> Sampled:
    """The risk of one step of gradient descent on the centred context.

    Args:
        model: d, L and s².
        step: a, the step's length.
        contexts: how many.
        seed: of the draw.
    """

    def predict(inputs: Floats, outputs: Floats, query: Floats) -> Floats:
        centred = inputs - inputs.mean(axis=1, keepdims=True)
        found: Floats = step * np.einsum("bld,bd,bl->b", centred, query, outputs) / inputs.shape[1]
        return found

    return _average(model, predict, contexts, seed)


def _average(model: InContextRegression, predict: Predict, contexts: int, seed: int) -> Sampled:
    rng = np.random.default_rng(seed)
    d, length = model.dimension, model.length
    batch = max(1, _AT_ONCE // (length * d))
    losses = []
    for start in range(0, whole("contexts", contexts), batch):
        count = min(batch, contexts - start)
        beta = rng.standard_normal((count, d)) / np.sqrt(d)
        inputs, query = rng.standard_normal((count, length, d)), rng.standard_normal((count, d))
        noise = np.sqrt(model.noise) * rng.standard_normal((count, length + 1))
        outputs = np.einsum("bld,bd->bl", inputs, beta) + noise[:, 1:]
        truth = np.sum(query * beta, axis=1) + noise[:, 0]
        losses.append((predict(inputs, outputs, query) - truth) ** 2)
    squares = np.concatenate(losses)
    return Sampled(float(squares.mean()), float(squares.std(ddof=1) / np.sqrt(len(squares))))
