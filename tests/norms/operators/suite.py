"""What every operator satisfies. A kind inherits the suite and says how its members are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from normlaws.norms.operators import Operator
from normlaws.norms.spectrum.exact import norm

from ..suite import largest_singular_value, rows_21

DRAWN = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.differing_executors],
)
CLOSE = {"rtol": 1e-9, "atol": 1e-11}


def vectors(operator: Operator, length: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((operator.groups, 2, length))


def whole(x: np.ndarray) -> np.ndarray:
    """Vectors of all groups, one after the other, (vectors, groups · length)."""
    return x.swapaxes(0, 1).reshape(x.shape[1], -1)


class OperatorSuite:
    """Against the block-diagonal matrix, float64, written out independently."""

    def draw(self, draw: Callable[[Any], Any]) -> tuple[Operator, torch.Tensor]:
        """An operator of float64 weights, and its whole matrix (all outputs, all inputs)."""
        raise NotImplementedError

    @DRAWN
    @given(st.data())
    def test_both_directions_are_those_of_the_matrix(self, data):
        operator, matrix = self.draw(data.draw)
        x, y = vectors(operator, operator.inputs), vectors(operator, operator.outputs)
        forward, adjoint = operator.forward(x), operator.adjoint(y)
        assert forward.shape == (operator.groups, 2, operator.outputs)
        np.testing.assert_allclose(whole(forward), whole(x) @ matrix.numpy().T, **CLOSE)
        np.testing.assert_allclose(whole(adjoint), whole(y) @ matrix.numpy(), **CLOSE)
        products = (forward * y).sum(-1), (x * adjoint).sum(-1)  # group by group
        np.testing.assert_allclose(*products, **CLOSE)

    @DRAWN
    @given(st.data())
    def test_the_dense_form_is_the_image_of_unit_vectors(self, data):
        operator, matrix = self.draw(data.draw)
        dense = operator.dense()
        assert dense.shape == (operator.groups, operator.outputs, operator.inputs)
        torch.testing.assert_close(torch.block_diag(*dense), matrix)
        unit = np.broadcast_to(np.eye(operator.inputs), (operator.groups, *[operator.inputs] * 2))
        images = operator.forward(np.ascontiguousarray(unit)).swapaxes(1, 2)
        np.testing.assert_allclose(dense.numpy(), images, **CLOSE)

    @DRAWN
    @given(st.data())
    def test_the_gram_operator_is_both_directions_in_turn(self, data):
        operator, matrix = self.draw(data.draw)
        x = vectors(operator, operator.inputs)
        expected = whole(x) @ (matrix.T @ matrix).numpy()
        np.testing.assert_allclose(whole(operator.gram(x)), expected, **CLOSE)
        wanted = np.arange(operator.groups) % 2 == 0
        some = operator.gram(x, wanted)[wanted]
        np.testing.assert_allclose(some, operator.gram(x)[wanted], **CLOSE)

    @DRAWN
    @given(st.data())
    def test_sums_are_those_over_the_rows(self, data):
        operator, matrix = self.draw(data.draw)
        expected = rows_21(matrix), float(matrix.square().sum()), float(matrix.abs().sum())
        assert operator.sums() == pytest.approx(expected, rel=1e-9)
        single = operator.to(torch.float32).sums()
        assert single == pytest.approx(expected, rel=1e-5)

    @DRAWN
    @given(st.data())
    def test_what_is_iterated_instead_has_the_same_norm(self, data):
        operator, matrix = self.draw(data.draw)
        core, largest = operator.reduced(), largest_singular_value(matrix)
        assert core.inputs <= operator.inputs
        blocks = core.dense()
        assert max(map(largest_singular_value, blocks)) == pytest.approx(largest, rel=1e-9)
        assert norm(operator) == pytest.approx(largest, rel=1e-7, abs=1e-12)

    @DRAWN
    @given(st.data())
    def test_other_precisions_are_the_same_map(self, data):
        operator, matrix = self.draw(data.draw)
        single = operator.to(torch.float32)
        assert single.to(torch.float32) is single
        assert (single.dtype, single.kind) == (torch.float32, np.float32)
        x = vectors(operator, operator.inputs).astype(np.float32)
        image = single.forward(x)
        assert image.dtype == np.float32
        expected = whole(x) @ matrix.numpy().T
        np.testing.assert_allclose(whole(image), expected, rtol=1e-3, atol=1e-4)
