"""Finite teacher–student problems, many at once.

A batch is one array of examples (samples, P, N), each turned to its label; every step of a
training is two batched matrix products. Batches are cut so that the examples of one take at most
``MEMORY`` bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Floats
from normlaws.theory.perceptron._prox import softplus

MEMORY = 64e6


@dataclass(frozen=True)
class Problem:
    """Samples of one size: what students are trained on.

    Attributes:
        seeds: one per sample.
        examples: y x, (samples, P, N): standard Gaussian inputs turned to their noisy labels.
        teachers: (samples, N), of unit length.
    """

    seeds: tuple[int, ...]
    examples: Floats
    teachers: Floats

    @property
    def size(self) -> int:
        """P."""
        return int(self.examples.shape[1])

    @property
    def dimension(self) -> int:
        """N."""
        return int(self.examples.shape[2])

    def margins(self, weights: Floats) -> Floats:
        """Margins y w·x: (samples, N) to (samples, P)."""
        return np.asarray(np.matmul(self.examples, weights[..., None])[..., 0])

    def pull(self, strengths: Floats) -> Floats:
        """Σ strength y x: (samples, P) to (samples, N)."""
        return np.asarray(np.matmul(strengths[:, None, :], self.examples)[:, 0])

    def generalization_error(self, weights: Floats) -> Floats:
        """arccos(overlap)/π, (samples,): exact, no test set."""
        along = np.einsum("sn,sn->s", weights, self.teachers)
        across = np.linalg.norm(weights - along[:, None] * self.teachers, axis=1)
        return np.asarray(np.arctan2(across, along) / np.pi)

    def record(self, weights: Floats) -> dict[str, Floats]:
        """Columns of ``Curves`` at ``weights`` (samples, N); each (samples,)."""
        margins = self.margins(weights)
        return {
            "log_frobenius": np.log(np.linalg.norm(weights, axis=1)),
            "train_error": np.mean(margins <= 0, axis=1),
            "train_loss": np.mean(softplus(-margins), axis=1),
            "test_error": self.generalization_error(weights),
        }


def problems(
    size: int, dimension: int, seeds: Sequence[int], flip_probability: float = 0.0
) -> Iterator[Problem]:
    """Draw samples in batches of bounded memory; a seed gives the same sample in any batch.

    Args:
        size: P.
        dimension: N.
        seeds: one per sample.
        flip_probability: η, of the training labels.
    """
    at_once = max(1, int(MEMORY / (8 * size * dimension)))
    for start in range(0, len(seeds), at_once):
        batch = tuple(seeds[start : start + at_once])
        drawn = [_draw(size, dimension, seed, flip_probability) for seed in batch]
        yield Problem(batch, np.stack([x for x, _ in drawn]), np.stack([w for _, w in drawn]))


def _draw(size: int, dimension: int, seed: int, flip: float) -> tuple[Floats, Floats]:
    rng = np.random.default_rng([seed, size])
    teacher = rng.standard_normal(dimension)
    teacher /= np.linalg.norm(teacher)
    inputs = rng.standard_normal((size, dimension))
    labels = np.where(inputs @ teacher > 0, 1.0, -1.0) * np.where(rng.random(size) < flip, -1, 1)
    return inputs * labels[:, None], teacher


def columns(records: Sequence[dict[str, Floats]]) -> dict[str, Floats]:
    """Records in order, each (samples,), to columns (samples, records)."""
    return {name: np.stack([record[name] for record in records], axis=1) for name in records[0]}
