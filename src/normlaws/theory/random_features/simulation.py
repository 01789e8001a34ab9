"""Finite students of random features: the exact flow of every one, from its singular values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.theory._checks import whole
from normlaws.theory._runs import as_curves, run_of
from normlaws.theory.random_features.model import RandomFeatures, checked_times
from normlaws.theory.random_features.records import settings_of


def simulate_features(
    model: RandomFeatures,
    sizes: Iterable[int],
    times: Iterable[float] | None = None,
    *,
    modes: int = 1000,
    seeds: int = 8,
    records: int = 30,
) -> Curves:
    """Train finite students of ``model``, as ``Curves``.

    Gradient flow (or descent, with the model's learning rate) is solved exactly by diagonalising
    the kernel of the training set; nothing is stepped. For theory beside it, take the model with
    as many modes: ``dataclasses.replace(model, modes=modes)``.

    Args:
        model: exponents, noise, width and learning rate; a finite width must be whole.
        sizes: P.
        times: recorded times; by default ``model.times`` of every size with ``records`` times.
        modes: M of the students' inputs, at most the model's.
        seeds: 0 … seeds − 1 at every size: inputs, noise and features are drawn anew.
        records: how many times, where none are given.

    Returns:
        One run per (P, seed) with ``time``, ``test_loss`` (exact, no test set), ``train_loss``
        and ``log_frobenius``; steps are ``<NA>``.

    Raises:
        InputError: a value is out of range.
    """
    finite = replace(model, modes=min(model.modes, whole("modes", modes)))
    if np.isfinite(finite.width):
        whole("width", finite.width)
    given = None if times is None else checked_times(list(times))
    runs, found = [], []
    for size in [whole("sizes", size) for size in sizes]:
        grid = finite.times(size, records) if given is None else given
        settings = settings_of(finite, "students", grid)
        for seed in range(whole("seeds", seeds)):
            runs.append(run_of(size, seed, settings))
            found.append(_student(finite, size, seed).train(grid, finite.learning_rate))
    return as_curves(runs, {name: np.stack([one[name] for one in found]) for name in found[0]})


@dataclass(frozen=True)
class _Student:
    """One data set with its features.

    Attributes:
        features: (P, N) inputs of the student's weights, or (P, M) for kernel regression.
        labels: (P,).
        teacher: w*, (M,).
        variance: λ, (M,).
        projection: Aᵀ/√N (M, N), or ``None`` for kernel regression.
    """

    features: Floats
    labels: Floats
    teacher: Floats
    variance: Floats
    projection: Floats | None

    def train(self, times: Floats, learning_rate: float) -> dict[str, Floats]:
        """Records at ``times`` (T,)."""
        size = len(self.labels)
        rates, basis = np.linalg.eigh(self.features @ self.features.T / size)
        rates = np.maximum(rates, 1e-300)[:, None]
        target = (basis.T @ self.labels)[:, None]
        logs = -rates * times
        if learning_rate:
            logs = np.log1p(-learning_rate * rates) * times / learning_rate
        dual = basis @ (-np.expm1(logs) / rates * target) / size
        weights = self.features.T @ dual
        learned = weights if self.projection is None else self.projection @ weights
        missed = self.teacher[:, None] - learned
        with np.errstate(divide="ignore"):
            log_norm = np.log(np.linalg.norm(weights, axis=0))
        return {
            "time": times,
            "test_loss": self.variance @ missed**2,
            "train_loss": np.sum((np.exp(logs) * target) ** 2, axis=0) / size,
            "log_frobenius": log_norm,
        }


def _student(model: RandomFeatures, size: int, seed: int) -> _Student:
    rng = np.random.default_rng([seed, size])
    k = np.arange(1.0, model.modes + 1)
    variance = k**-model.spectrum_exponent
    teacher = k ** (0.5 * (model.spectrum_exponent - model.target_exponent))
    inputs = rng.standard_normal((size, model.modes)) * np.sqrt(variance)
    labels = inputs @ teacher + np.sqrt(model.noise) * rng.standard_normal(size)
    if np.isinf(model.width):
        return _Student(inputs, labels, teacher, variance, None)
    width = int(model.width)
    projection = rng.standard_normal((model.modes, width)) / np.sqrt(width)
    return _Student(inputs @ projection, labels, teacher, variance, projection)
