"""Compiled code against decompositions in float64, and against wrong arguments."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from normlaws.errors import MissingExtraError
from normlaws.norms import NormMeter, warm_layer
from normlaws.norms.spectrum import warm_numba as compiled
from normlaws.norms.spectrum.bound import chances
from normlaws.norms.spectrum.kept import KEPT, Kept
from normlaws.norms.spectrum.warm import Goal

GOAL = Goal(1e-6, 3e-4, 3e-4, 0.2, 1e-20, 1e30)
CHANCES = chances(0, 17000)
# Odd sides; several chunks of columns and a short last one; tall; square.
SHAPES = [(67, 131), (70, 17000), (17000, 70), (301, 133), (90, 90)]


def matrix_and_kept(shape: tuple[int, int], noise: float = 1e-3) -> tuple[torch.Tensor, Kept]:
    """A matrix, (1, rows, columns), and the leading pairs of one nearby."""
    generator = torch.Generator().manual_seed(0)
    before = torch.randn(shape, generator=generator) / sum(shape) ** 0.5
    u, s, v = torch.linalg.svd(before.double(), full_matrices=False)
    wide, vectors = (before, u.T) if shape[0] <= shape[1] else (before.T, v)
    kept = Kept(
        vectors[None, :KEPT].float().numpy().copy(),
        s[None, :KEPT].square().numpy().copy(),
        np.zeros((1, min(shape)), np.float32),
        vectors[None, KEPT].float().numpy().copy(),
        (wide.numpy() @ CHANCES[: max(shape)])[None],
        vectors[None, 0].float().numpy().copy(),
        s[None, 0].square().numpy().copy(),
    )
    change = torch.randn(shape, generator=generator) / sum(shape) ** 0.5
    return (before + noise * change)[None], kept


def random() -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[0, 0]))


def refined(block: torch.Tensor, kept: Kept) -> compiled.Refined:
    [found] = compiled.follow_matrices([block], [kept], random(), CHANCES, GOAL)
    return found


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_pairs_are_those_of_a_decomposition_in_float64(shape, transposed):
    block, kept = matrix_and_kept(shape)
    if transposed:
        block = block.mT.contiguous().mT
    exact = block[0].double().numpy()
    wide = exact if shape[0] <= shape[1] else exact.T
    u, s, _ = np.linalg.svd(wide, full_matrices=False)
    found = refined(block, kept)
    assert found.value**0.5 == pytest.approx(s[0], rel=1e-6)
    assert 1 - found.value**0.5 / s[0] <= found.bound <= 1e-6
    assert found.squares == pytest.approx((s**2).sum(), rel=1e-6)
    assert 0.9 * (s[:KEPT] ** 2).sum() < found.captured < 1.001 * (s[:24] ** 2).sum()
    vectors = kept.vectors[0].astype(np.float64)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(KEPT), atol=1e-5)
    assert abs(vectors[0] @ u[:, 0]) == pytest.approx(1, abs=1e-3)
    images = wide.T @ vectors.T  # their Rayleigh quotients are the values that are kept
    np.testing.assert_allclose((images**2).sum(0), kept.values[0], rtol=1e-4)
    assert np.abs(vectors @ kept.scout[0]).max() < 1e-5
    assert np.linalg.norm(kept.scout[0]) == pytest.approx(1, abs=1e-5)
    residual = wide @ images[:, 0] - found.value * vectors[0]
    assert found.residual == pytest.approx(np.linalg.norm(residual), rel=0.05, abs=1e-5)
    probe = wide @ CHANCES[: max(shape)]  # the reference follows a move
    np.testing.assert_allclose(kept.probe[0], probe, atol=1e-4 * np.abs(probe).max())


def test_rotations_diagonalise():
    generator = np.random.default_rng(0)
    for n in range(1, 11):
        a = generator.standard_normal((n, n))
        a = a @ a.T * np.exp(-generator.uniform(0, 5) * np.add.outer(np.arange(n), np.arange(n)))
        values, vectors = compiled._jacobi(a.copy())
        np.testing.assert_allclose(values, np.linalg.eigvalsh(a), atol=1e-13 * np.abs(a).max() * n)
        np.testing.assert_allclose(vectors @ np.diag(values) @ vectors.T, a, atol=1e-12)
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(n), atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_belong_to_the_rows(shape):
    block, kept = matrix_and_kept(shape)
    exact = block[0].double()
    found = refined(block, kept)
    assert found.sums is not None
    assert found.sums.rows == pytest.approx(float(exact.norm(dim=1).sum()), rel=1e-6)
    assert found.sums.squares == pytest.approx(float(exact.square().sum()), rel=1e-6)
    assert found.sums.absolute == pytest.approx(float(exact.abs().sum()), rel=1e-6)
    found = refined(block.mT.contiguous().mT, kept)
    assert found.sums is None


def test_a_jump_leaves_what_was_kept():
    near, kept = matrix_and_kept((80, 90))
    far, _ = matrix_and_kept((80, 90), noise=3.0)
    broken = near.clone()
    broken[0, 3, 4] = math.nan
    before = [array.copy() for array in vars(kept).values()]
    for block in (far, broken, 1e20 * near, 0 * near):
        found = refined(block, kept)
        assert math.isnan(found.value)
        assert all(map(np.array_equal, before, vars(kept).values()))
    found = refined(near, kept)
    assert not math.isnan(found.value)


def test_what_is_not_a_matrix_in_memory_is_refused():
    block, kept = matrix_and_kept((80, 90))
    for wrong in (block.double(), block.expand(2, 80, 90), block.to("meta")):
        with pytest.raises(ValueError, match="expected a float32 matrix"):
            refined(wrong, kept)


def test_pairs_that_do_not_fit_are_refused():
    block, kept = matrix_and_kept((80, 90))
    _, other = matrix_and_kept((81, 90))
    with pytest.raises(ValueError, match="got vectors of 81"):
        refined(block, other)
    frozen = kept.vectors.copy()
    frozen.flags.writeable = False
    for vectors in (
        kept.vectors[:, :2],
        kept.vectors.astype(np.float64),
        np.asfortranarray(kept.vectors),
        frozen,
    ):
        with pytest.raises(ValueError, match="expected 3 pairs of one matrix in C order"):
            refined(block, replace(kept, vectors=vectors))


def test_without_the_extra_the_meter_works_and_says_so_when_asked(monkeypatch):
    monkeypatch.setattr(warm_layer, "library", lambda: None)
    monkeypatch.setattr("normlaws.norms.meter.library", lambda: None)
    layer = nn.Linear(100, 90)
    meter = NormMeter(layer)
    assert meter.measure() == pytest.approx(meter.measure(), abs=1e-6)
    with pytest.raises(MissingExtraError, match=r"normlaws\[fast\]"):
        NormMeter(layer, compiled=True)
