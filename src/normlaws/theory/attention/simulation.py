"""Sparse attention itself: T scores and a matrix, trained on fresh batches."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.theory._checks import positive, whole
from normlaws.theory._runs import as_curves, run_of
from normlaws.theory.attention.model import SparseAttention


def simulate_attention(
    model: SparseAttention,
    *,
    steps: int,
    batch_size: int = 32,
    learning_rate: float = 1.0,
    seeds: int | Iterable[int] = 3,
    every: int = 1,
) -> Curves:
    """Stochastic gradient descent of y = W Σ softmax(a)_t x_t on fresh contexts, as ``Curves``.

    Step n is at time n · ``learning_rate`` of the flow. Without cross-sample repetition every
    direction is alike, so W* is the identity.

    Args:
        model: what is trained; its clock does not matter, since the scores are trained themselves.
        steps: how many.
        batch_size: contexts per step.
        learning_rate: of W and of the scores, for the batch mean of ½|y − y*|².
        seeds: how many, or which.
        every: steps between records; step 0, where the norm is 0, is not recorded.

    Returns:
        One run per seed: columns of :meth:`SparseAttention.curves`, losses of the population.

    Raises:
        InputError: a value is out of range.
    """
    rate = float(positive("learning_rate", learning_rate))
    last, stride = whole("steps", steps), whole("every", every)
    if stride > last:
        raise InputError(f"expected every to be at most the {last} steps, got {every}")
    recorded = list(range(stride, last + 1, stride))
    settings = model.settings() | {
        "training": "sgd", "batch_size": whole("batch_size", batch_size), "learning_rate": rate,
    }  # fmt: skip
    drawn = range(whole("seeds", seeds)) if isinstance(seeds, int) else list(seeds)
    parts = []
    for seed in drawn:
        states = _train(model, last, batch_size, rate, seed, stride)
        run = run_of(model.length, int(seed), settings)
        columns = {name: np.array([[state[name] for state in states]]) for name in states[0]}
        columns["time"] = rate * np.array([recorded], dtype=float)
        parts.append(as_curves([run], columns, recorded))
    return Curves.concat(parts)


def _train(
    model: SparseAttention, steps: int, batch: int, rate: float, seed: int, every: int
) -> list[dict[str, float]]:
    rng = np.random.default_rng(seed)
    length, dimension, repeated = model.length, model.dimension, model.repeated
    matrix, scores = np.zeros((dimension, dimension)), np.zeros(length)
    states = []
    for step in range(1, steps + 1):
        tokens = rng.standard_normal((batch, length, dimension)) / np.sqrt(dimension)
        relevant = tokens[:, 0].copy()
        if model.shared > 0:
            relevant[rng.random(batch) < model.shared] = np.eye(dimension)[0]
        tokens[:, :repeated] = relevant[:, None]
        weights = np.exp(scores - scores.max())
        weights /= weights.sum()
        seen = np.einsum("btd,t->bd", tokens, weights)
        miss = seen @ matrix.T - relevant
        back = miss @ matrix
        by_weight = np.einsum("btd,bd->t", tokens, back) / batch
        matrix = matrix - rate * miss.T @ seen / batch
        scores = scores - rate * weights * (by_weight - weights @ by_weight)
        if step % every == 0:
            states.append(_state(model, matrix, scores))
    return states


def _state(model: SparseAttention, matrix: Floats, scores: Floats) -> dict[str, float]:
    """Population values, whatever the scores."""
    dimension, shared = model.dimension, model.shared
    weights = np.exp(scores - scores.max())
    weights /= weights.sum()
    attention = float(weights[: model.repeated].sum())
    noise = float(np.sum(weights[model.repeated :] ** 2)) * np.sum(matrix**2) / dimension
    miss = np.sum((attention * matrix - np.eye(dimension)) ** 2, axis=0)
    test = 0.5 * (noise + miss.sum() / dimension)
    train = 0.5 * (noise + (1 - shared) * miss.sum() / dimension + shared * miss[0])
    others = np.mean(scores[model.repeated :])
    return {
        "log_frobenius": float(np.log(np.linalg.norm(matrix))),
        "score": float(np.mean(scores[: model.repeated]) - others),
        "attention": attention,
        "train_loss": float(train),
        "test_loss": float(test),
    }
