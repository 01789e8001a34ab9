"""Finite committees: stochastic gradient descent, one fresh example a step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import erf

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.theory._checks import positive, whole
from normlaws.theory._runs import as_curves, run_of
from normlaws.theory.committee.model import SoftCommittee, log_spectral_complexity
from normlaws.theory.committee.moments import linear_loss, test_loss
from normlaws.theory.committee.records import settings_of


def simulate_committee(
    model: SoftCommittee, alphas: Iterable[float], *, dimension: int = 256, seeds: int = 8
) -> Curves:
    """Train finite committees of ``model`` by stochastic gradient descent, as ``Curves``.

    Students start with exactly the model's order parameters in every block; losses are exact
    averages over inputs at the weights reached, no test set.

    Args:
        model: what to train.
        alphas: examples per input at which to record, beside the start.
        dimension: N, a multiple of L with N/L ≥ K + M.
        seeds: 0 … seeds − 1: inputs and start are drawn anew.

    Returns:
        One run per seed, of size P = round(max α · N), with ``test_loss``, ``log_frobenius``,
        ``log_spectral_complexity`` and ``alpha``; ``step`` counts examples.

    Raises:
        InputError: a value is out of range.
    """
    n, count = whole("dimension", dimension), whole("seeds", seeds)
    each, rest = divmod(n, model.eigenvalues)
    if rest or each < model.student + model.teacher:
        raise InputError(
            f"expected dimension to be a multiple of {model.eigenvalues} eigenvalues with at least "
            f"{model.student + model.teacher} directions each, got {n}"
        )
    wanted = positive("alphas", list(alphas))
    steps = sorted({0, *(int(step) for step in np.rint(wanted * n))})
    committee = _Committee.drawn(model, n, count)
    records = [committee.record(model)]
    for before, after in pairwise(steps):
        committee.train(model, after - before)
        records.append(committee.record(model))
    columns = {name: np.stack([one[name] for one in records], axis=1) for name in records[0]}
    columns["alpha"] = np.tile(np.array(steps) / n, (count, 1))
    settings = settings_of(model, "students", dimension=n, steps=steps)
    runs = [run_of(steps[-1], seed, settings) for seed in range(count)]
    return as_curves(runs, columns, steps)


@dataclass
class _Committee:
    """Several committees trained side by side.

    Attributes:
        students: J, (S, K, N).
        teachers: B, (S, M, N).
        variance: of every input, (N,).
        sources: random numbers of each.
    """

    students: Floats
    teachers: Floats
    variance: Floats
    sources: list[np.random.Generator]

    @classmethod
    def drawn(cls, model: SoftCommittee, dimension: int, seeds: int) -> _Committee:
        sources = [np.random.default_rng([seed, dimension]) for seed in range(seeds)]
        drawn = np.stack([_start(model, dimension, source) for source in sources])
        variance = np.repeat(model.variance, dimension // model.eigenvalues)
        k = model.student
        return cls(drawn[:, :k].copy(), drawn[:, k:].copy(), variance, sources)

    def train(self, model: SoftCommittee, steps: int) -> None:
        """One fresh example a step."""
        blocks, linear = model.blocks, model.activation == "linear"
        n = len(self.variance)
        spread = np.sqrt(self.variance)
        rate = model.learning_rate * blocks.scale / np.sqrt(n)
        chunk = max(1, 2**20 // (n * len(self.sources)))
        for start in range(0, steps, chunk):
            count = min(chunk, steps - start)
            drawn = np.stack([rng.standard_normal((count, n)) for rng in self.sources], axis=1)
            drawn *= spread
            taught = np.einsum("smn,tsn->tsm", self.teachers, drawn, optimize=True) / np.sqrt(n)
            target = _output(taught, linear).sum(axis=2) / np.sqrt(model.teacher)
            for inputs, goal in zip(drawn, target, strict=True):
                fields = np.matmul(self.students, inputs[:, :, None])[..., 0] / np.sqrt(n)
                missed = goal - blocks.scale * _output(fields, linear).sum(axis=1)
                push = missed[:, None] * _slope(fields, linear)
                self.students += rate * push[:, :, None] * inputs[:, None, :]

    def record(self, model: SoftCommittee) -> dict[str, Floats]:
        """Columns of ``Curves``, each (S,)."""
        every, n = np.concatenate([self.students, self.teachers], axis=1), len(self.variance)
        c = np.einsum("sin,n,sjn->sij", every, self.variance, every, optimize=True) / n
        loss = linear_loss if model.activation == "linear" else test_loss
        weights = self.students @ self.students.swapaxes(1, 2) / n
        return {
            "test_loss": loss(c, model.blocks.coefficients),
            "log_frobenius": 0.5 * np.log(np.trace(weights, axis1=1, axis2=2)),
            "log_spectral_complexity": log_spectral_complexity(weights, model.teacher),
        }


def _output(fields: Floats, linear: bool) -> Floats:
    return fields if linear else np.asarray(erf(fields / np.sqrt(2)))


def _slope(fields: Floats, linear: bool) -> Floats:
    return np.ones_like(fields) if linear else np.sqrt(2 / np.pi) * np.exp(-0.5 * fields**2)


def _start(model: SoftCommittee, dimension: int, source: np.random.Generator) -> Floats:
    """Weights of students and teachers (K + M, N) with the model's products in every block."""
    x, _ = model.start
    k, m = x.shape
    root = np.zeros((k + m, k + m))
    root[:k, :m], root[:k, m:] = x, np.sqrt(model.initial_variance) * np.eye(k)
    root[k:, :m] = np.eye(m)
    each = dimension // model.eigenvalues
    parts = [
        root @ np.linalg.qr(source.standard_normal((each, k + m)))[0].T
        for _ in range(model.eigenvalues)
    ]
    found: Floats = np.concatenate(parts, axis=1) * np.sqrt(each)
    return found
