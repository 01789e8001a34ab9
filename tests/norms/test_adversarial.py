"""Sequences of weights in which a meter's kept pairs stay exact while something else overtakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import nn

from normlaws.norms import NormMeter
from normlaws.norms.layer_norms import layer_norms
from normlaws.norms.model.plan import Plan, Settings
from normlaws.norms.spectrum.bound import proved_error

Weights = Iterator[np.ndarray]
RECORDS = 14


def orthogonal(rng: np.random.Generator, m: int, k: int) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((m, k)))[0]


def with_values(
    rng: np.random.Generator, values: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Left and right singular vectors."""
    u, v = orthogonal(rng, len(values), len(values)), orthogonal(rng, n, len(values))
    return u, v


def growing_direction(rng: np.random.Generator, noise: float = 0.0) -> Weights:
    """Rank one, orthogonal to everything that leads."""
    values = np.concatenate([[1.0, 0.98, 0.95], np.linspace(0.9, 0.1, 87)])
    u, v = with_values(rng, values, 120)
    for record in range(RECORDS):
        values[40] = 0.55 * 1.07**record
        shake = noise * rng.standard_normal((90, 120))
        yield (u * values) @ v.T + shake


def growing_direction_with_noise(rng: np.random.Generator) -> Weights:
    yield from growing_direction(rng, 2e-4)


def shrinking_lead(rng: np.random.Generator) -> Weights:
    """More pairs shrink than are kept."""
    u, v = with_values(rng, np.ones(90), 120)
    for record in range(RECORDS):
        values = np.linspace(0.9, 0.1, 90)
        values[:12] = 1 - 0.04 * record
        yield (u * values) @ v.T


def diagonal_network(rng: np.random.Generator) -> Weights:
    """One factor of a two-layer diagonal linear network under SGD, from equal small values."""
    target, first, second = rng.uniform(0.2, 3, 100), np.full(100, 0.3), np.full(100, 0.3)
    for _ in range(2 * RECORDS):
        for _ in range(8):
            x = rng.standard_normal((8, 100))
            slope = ((x * (first * second - target)) * x).mean(0)
            first, second = first - 0.02 * slope * second, second - 0.02 * slope * first
        yield np.diag(first)


def blocks(rng: np.random.Generator) -> Weights:
    """One block fixed, the other growing."""
    a, b = rng.standard_normal((2, 50, 60)) / 15
    for record in range(RECORDS):
        yield np.block([[a, 0 * b], [0 * a, b * 0.6 * 1.08**record]])


def permuted(rng: np.random.Generator) -> Weights:
    a = np.diag(np.linspace(1, 0.2, 100))
    for record in range(RECORDS):
        yield 1.05**record * a[rng.permutation(100)]


def pruned(rng: np.random.Generator) -> Weights:
    a = rng.standard_normal((90, 110)) / 10
    for record in range(RECORDS):
        yield a * (rng.random(a.shape) < 0.9) if record % 3 else a


def reset_rows(rng: np.random.Generator) -> Weights:
    """The rows that no leading vector sees are drawn anew, larger."""
    a = np.diag(np.concatenate([np.linspace(1, 0.8, 10), np.full(90, 0.1)]))
    for record in range(RECORDS):
        a[10:, 10:] = rng.standard_normal((90, 90)) * 0.01 * (1 + record)
        yield a.copy()


def signs(rng: np.random.Generator) -> Weights:
    a = rng.standard_normal((90, 110)) / 10
    for record in range(RECORDS):
        yield -a if record % 2 else a * rng.choice([-1.0, 1.0], 110)


def sparse_rows(rng: np.random.Generator) -> Weights:
    """An embedding: few rows move at a time."""
    a = np.diag(np.linspace(1, 0.5, 100)) @ np.eye(100, 130)
    for _ in range(RECORDS):
        chosen = rng.integers(100, size=3)
        a[chosen] *= 1.4
        yield a.copy()


def identity(rng: np.random.Generator) -> Weights:
    """Identity at the start, one direction growing."""
    u = orthogonal(rng, 100, 1)
    for record in range(RECORDS):
        yield np.eye(100) + 0.02 * record * (u @ u.T)


def sudden(rng: np.random.Generator) -> Weights:
    """Nothing moves, then a spike."""
    values = np.concatenate([[1.0, 0.9], np.linspace(0.5, 0.1, 88)])
    u, v = with_values(rng, values, 100)
    for record in range(RECORDS):
        values[60] = 1.3 if record > 6 else 0.2
        yield (u * values) @ v.T


def growing_under_decay(rng: np.random.Generator) -> Weights:
    """Decay of everything hides the growth from ‖A‖_F."""
    values = np.concatenate([[1.0, 0.98, 0.95], np.linspace(0.9, 0.1, 87)])
    u, v = with_values(rng, values, 120)
    for record in range(RECORDS):
        values *= 0.99
        values[40] = 0.5 * 1.07**record
        yield (u * values) @ v.T


SEQUENCES = [
    growing_direction, growing_direction_with_noise, shrinking_lead, diagonal_network, blocks,
    permuted, pruned, reset_rows, signs, sparse_rows, identity, sudden, growing_under_decay,
]  # fmt: skip


def longest_run(wrong: list[bool]) -> int:
    longest = run = 0
    for each in wrong:
        run = run + 1 if each else 0
        longest = max(longest, run)
    return longest


def check(
    meter: NormMeter, module: nn.Linear | nn.Conv2d, weights: Weights, exact: Callable[[], float]
) -> int:
    """The rules; returns the number of values outside the wanted error."""
    errors, outside = [], 0
    for weight in weights:
        module.weight.data = torch.tensor(weight, dtype=torch.float32)
        found = meter.measure()["log_spectral_product"]
        error = abs(found - exact())
        errors.append(error)
        [status], [bound] = meter.statuses.values(), meter.bounds.values()
        if error > meter.relative_error:
            outside += 1
            assert status == "estimate"
        if status == "proof":
            assert error <= max(bound, 1e-7)
    assert longest_run([error > 0.01 for error in errors]) <= 5, np.round(errors, 4)
    return outside


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda sequence: sequence.__name__)
def test_what_overtakes_is_noticed(sequence, compiled):
    for seed in range(2):
        rng = np.random.default_rng(seed)
        first = next(sequence(rng))
        layer = nn.Linear(first.shape[1], first.shape[0], bias=False)
        meter = NormMeter(layer, seed=seed, compiled=compiled)

        def exact(layer=layer) -> float:
            return math.log(float(torch.linalg.matrix_norm(layer.weight.detach().double(), 2)))

        outside = check(meter, layer, sequence(rng), exact)
        if sequence in (diagonal_network, identity, sudden, shrinking_lead):
            assert outside == 0


def frequencies(groups: int, start: int, growing: int) -> Weights:
    """A circular convolution whose second frequency overtakes the first."""
    taps = np.arange(12)
    for record in range(RECORDS):
        kernel = np.zeros((groups, 1, 1, 12))
        kernel[:, 0, 0] = (
            np.cos(2 * np.pi * start * taps / 12)
            + 0.6 * 1.07**record * np.cos(2 * np.pi * growing * taps / 12)
        ) / 6
        yield kernel


@pytest.mark.parametrize("groups", [1, 3])
def test_a_frequency_that_overtakes_is_noticed(groups):
    conv = nn.Conv2d(
        groups, groups, (1, 12), padding="same", padding_mode="circular", groups=groups, bias=False
    )
    example = torch.zeros(1, groups, 12, 12)
    meter = NormMeter(conv, conv="operator", example_input=example)
    layer = Plan.of(conv, Settings(conv="operator", example_input=example))

    def exact() -> float:
        norms = layer_norms(layer.layers[0], next(iter(layer.convolutions.values())), None)
        return norms.log_spectral_norm

    check(meter, conv, frequencies(groups, 1, 4), exact)


def test_little_left_over_is_a_proof():
    rng = np.random.default_rng(0)
    layer = nn.Linear(120, 90, bias=False)
    meter = NormMeter(layer, compiled=False)
    u, v = orthogonal(rng, 90, 90), orthogonal(rng, 120, 90)
    for first, status in ((1.0, "estimate"), (8.0, "proof")):
        values = np.concatenate([[first], np.linspace(0.9, 0.1, 89)])
        layer.weight.data = torch.tensor((u * values) @ v.T, dtype=torch.float32)
        found = meter.measure()["log_spectral_product"]
        assert found == pytest.approx(math.log(first), abs=1e-6)
        assert meter.statuses == {"": status}


def test_proved_errors_are_never_exceeded():
    """Any subspace, any matrix: the top of the spectrum lies below what is proved."""
    rng = np.random.default_rng(0)
    proofs = 0
    for _ in range(400):
        m = int(rng.integers(2, 9))
        a = rng.standard_normal((m, m)) * np.exp(-rng.uniform(0, 2) * np.arange(m))
        b = a @ a.T
        q = orthogonal(rng, m, int(rng.integers(1, m + 1)))
        if rng.random() < 0.8:  # close to the leading vectors
            q = np.linalg.qr(np.linalg.eigh(b)[1][:, ::-1][:, : q.shape[1]] + 0.05 * q)[0]
        values, s = np.linalg.eigh(q.T @ b @ q)
        x = q @ s[:, -1]
        residual = float(np.linalg.norm(b @ x - values[-1] * x))
        second = values[-2] if len(values) > 1 else 0.0
        proved = proved_error(values[-1], second, residual, float((a * a).sum()), values.sum())
        if math.isfinite(proved):
            proofs += 1
            assert np.linalg.eigvalsh(b)[-1] ** 0.5 <= values[-1] ** 0.5 * (1 + proved + 1e-12)
    assert proofs > 50
