"""Matrices of exactly low rank, whose images leave nothing but rounding to iterate on."""

import numpy as np
import pytest
import torch

from normlaws.norms.operators import Flat
from normlaws.norms.spectrum.exact import iterated_norm


def matrices():
    draw = torch.Generator().manual_seed(0)
    rows, columns = (torch.randn(side, 3, generator=draw).double() for side in (150, 100))
    one_row = torch.zeros(150, 100, dtype=torch.float64)
    one_row[3] = 1
    return {
        "constant": torch.ones(150, 100, dtype=torch.float64),
        "signs": torch.sign(rows[:, :1] @ columns[:, :1].T),
        "one row": one_row,
        "rank one": rows[:, :1] @ columns[:, :1].T,
        "rank three": rows @ columns.T,
        "whole numbers": rows.round() @ columns.round().T,
        "zero": torch.zeros(150, 100, dtype=torch.float64),
    }


@pytest.mark.parametrize("name", matrices())
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_the_iteration_finds_their_largest_singular_value(name, scale):
    matrix = scale * matrices()[name]
    expected = np.linalg.svd(matrix.numpy(), compute_uv=False)[0]
    assert iterated_norm(Flat(matrix).reduced()) == pytest.approx(expected, rel=1e-12)
