"""The three kinds of operators, each under the one suite."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from torch import nn

from normlaws.norms.model.layers import inventory
from normlaws.norms.operators import Blocks, ConvolutionOperator, Flat, operator_of
from normlaws.norms.operators.geometry import Convolution

from ..suite import explicit
from .drawn import convolutions, transposed_convolutions
from .suite import OperatorSuite

sides = st.integers(1, 12)


def random(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


class TestFlat(OperatorSuite):
    def draw(self, draw):
        matrix = random(draw(sides), draw(sides), seed=draw(st.integers(0, 99)))
        if draw(st.booleans()):  # columns one after the other
            matrix = matrix.T.contiguous().T
        return operator_of(matrix[None], None), matrix


class TestBlocks(OperatorSuite):
    def draw(self, draw):
        blocks = random(draw(st.integers(2, 4)), draw(sides), draw(sides), seed=draw(sides))
        return operator_of(blocks, None), torch.block_diag(*blocks)


class TestMatricesSideBySide(OperatorSuite):
    def draw(self, draw):
        shape = draw(sides), draw(sides)
        matrices = [random(*shape, seed=seed) for seed in range(draw(st.integers(1, 3)))]
        return Blocks(matrices), torch.block_diag(*matrices)


class TestConvolution(OperatorSuite):
    layers = convolutions()

    def draw(self, draw):
        module, shape = draw(self.layers)
        blocks = inventory(module).layers[0].read().detach().double()
        operator = operator_of(blocks, Convolution.of(module, (1, *shape)))
        assert isinstance(operator, ConvolutionOperator)
        return operator, explicit(module, shape)


class TestTransposedConvolution(TestConvolution):
    layers = transposed_convolutions()


@pytest.mark.parametrize("padding", [0, 1])
def test_an_output_padding_beyond_the_stride_keeps_the_size_of_the_input(padding):
    """Which torch allows below the dilation."""
    module = nn.ConvTranspose1d(
        2, 1, 2, stride=1, dilation=2, padding=padding, output_padding=1, bias=False
    )
    blocks = inventory(module).layers[0].read().detach().double()
    operator = operator_of(blocks, Convolution.of(module, (1, 2, 3)))
    matrix = explicit(module, (2, 3)).numpy()
    y = random(4, len(matrix), seed=0).numpy()
    np.testing.assert_allclose(operator.adjoint(y[None])[0], y @ matrix, rtol=1e-9)


@pytest.mark.parametrize("shape", [(70, 9000), (9000, 70), (70, 90)])
@pytest.mark.parametrize("turned", [False, True])
def test_products_of_large_matrices_in_pieces(shape, turned):
    """In both orders of memory."""
    matrix = random(*shape, seed=0).float()
    matrix = matrix.T.contiguous().T if turned else matrix
    operator = Flat(matrix)
    x, y = random(4, shape[1], seed=1).numpy(), random(3, shape[0], seed=2).numpy()
    forward = operator.forward(x.astype(np.float32)[None])[0]
    adjoint = operator.adjoint(y.astype(np.float32)[None])[0]
    exact = matrix.double().numpy()
    np.testing.assert_allclose(forward, x @ exact.T, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(adjoint, y @ exact, rtol=1e-3, atol=1e-3)
