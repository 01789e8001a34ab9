"""Compiled code against the same algorithm in NumPy, and against wrong arguments."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from normlaws.errors import MissingExtraError
from normlaws.norms import NormMeter, warm_layer
from normlaws.norms.operators.halves import matrix_halves
from normlaws.norms.spectrum import warm_numba as compiled
from normlaws.norms.spectrum.bound import chances
from normlaws.norms.spectrum.cold import Kept
from normlaws.norms.spectrum.warm import KEPT, Goal, Reference, follow, start_basis

GOAL = Goal(1e-6, 3e-4, 0.2, 1e-20, 1e30)
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


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_same_values_as_in_numpy(shape, transposed):
    block, kept = matrix_and_kept(shape)
    if transposed:
        block = block.mT.contiguous().mT
    noise = random().standard_normal(kept.drift.shape, np.float32)
    halves = matrix_halves(block[0])
    start = start_basis(kept.vectors[0], kept.drift[0], noise[0], kept.scout[0])
    before = Reference(kept.probe[0], kept.anchor[0], kept.level[0])
    image = halves.forward(start)
    expected = follow(halves, start, image, CHANCES[: max(shape)], before, GOAL)
    [found] = compiled.follow_matrices([block], [kept], random(), CHANCES, GOAL)
    assert found.value == pytest.approx(expected.value, rel=2e-6)
    assert found.value**0.5 == pytest.approx(
        float(torch.linalg.matrix_norm(block[0].double(), 2)), rel=1e-6
    )
    assert found.bound <= 1e-6
    np.testing.assert_allclose(kept.values[0], expected.values, rtol=1e-2)
    align = np.abs((kept.vectors[0] * expected.vectors).sum(1))
    assert align[0] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_belong_to_the_rows(shape):
    block, kept = matrix_and_kept(shape)
    exact = block[0].double()
    [found] = compiled.follow_matrices([block], [kept], random(), CHANCES, GOAL)
    assert found.sums is not None
    assert found.sums.rows == pytest.approx(float(exact.norm(dim=1).sum()), rel=1e-6)
    assert found.sums.squares == pytest.approx(float(exact.square().sum()), rel=1e-6)
    assert found.sums.absolute == pytest.approx(float(exact.abs().sum()), rel=1e-6)
    [found] = compiled.follow_matrices([block.mT.contiguous().mT], [kept], random(), CHANCES, GOAL)
    assert found.sums is None


def test_a_jump_leaves_what_was_kept():
    near, kept = matrix_and_kept((80, 90))
    far, _ = matrix_and_kept((80, 90), noise=3.0)
    broken = near.clone()
    broken[0, 3, 4] = math.nan
    before = [array.copy() for array in vars(kept).values()]
    for block in (far, broken, 1e20 * near, 0 * near):
        [found] = compiled.follow_matrices([block], [kept], random(), CHANCES, GOAL)
        assert math.isnan(found.value)
        assert all(map(np.array_equal, before, vars(kept).values()))
    [found] = compiled.follow_matrices([near], [kept], random(), CHANCES, GOAL)
    assert not math.isnan(found.value)


def test_what_is_not_a_matrix_in_memory_is_refused():
    block, kept = matrix_and_kept((80, 90))
    for wrong in (block.double(), block.expand(2, 80, 90), block.to("meta")):
        with pytest.raises(ValueError, match="expected a float32 matrix"):
            compiled.follow_matrices([wrong], [kept], random(), CHANCES, GOAL)


def test_pairs_that_do_not_fit_are_refused():
    block, kept = matrix_and_kept((80, 90))
    _, other = matrix_and_kept((81, 90))
    with pytest.raises(ValueError, match="got vectors of 81"):
        compiled.follow_matrices([block], [other], random(), CHANCES, GOAL)
    frozen = kept.vectors.copy()
    frozen.flags.writeable = False
    for vectors in (
        kept.vectors[:, :2],
        kept.vectors.astype(np.float64),
        np.asfortranarray(kept.vectors),
        frozen,
    ):
        with pytest.raises(ValueError, match="expected 3 pairs of one matrix in C order"):
            compiled.follow_matrices(
                [block], [replace(kept, vectors=vectors)], random(), CHANCES, GOAL
            )


def test_without_the_extra_the_meter_works_and_says_so_when_asked(monkeypatch):
    monkeypatch.setattr(warm_layer, "library", lambda: None)
    monkeypatch.setattr("normlaws.norms.meter.library", lambda: None)
    layer = nn.Linear(100, 90)
    meter = NormMeter(layer)
    assert meter.measure() == pytest.approx(meter.measure(), abs=1e-6)
    with pytest.raises(MissingExtraError, match=r"normlaws\[fast\]"):
        NormMeter(layer, compiled=True)
