"""Large matrices against decompositions in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from normlaws.norms import measure_state
from normlaws.norms.large import TOLERANCE, Strips, compiled_product, is_large
from normlaws.norms.model.layers import inventory

PLAIN = [torch.float32, torch.bfloat16, torch.float16, torch.float64]


@pytest.mark.parametrize("shape", [(300, 4001), (4001, 300), (1203, 1201)])
@pytest.mark.parametrize(
    ("dtype", "compiled"), [*((one, False) for one in PLAIN), (torch.bfloat16, True)]
)
def test_strips_are_the_matrix(dtype, shape, compiled):
    assert not compiled or compiled_product() is not None
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    exact = matrix.double().numpy()
    strips = Strips(matrix, compiled)
    tall = exact if shape[0] > shape[1] else exact.T
    for count in (1, 3, 4):
        x = np.random.default_rng(0).standard_normal((1, count, min(shape))).astype(np.float32)
        expected = x[0] @ tall.T @ tall
        np.testing.assert_allclose(strips.gram(x)[0], expected, atol=1e-5 * np.abs(expected).max())
    sums = np.linalg.norm(exact, axis=1).sum(), (exact**2).sum(), np.abs(exact).sum()
    assert strips.sums() == pytest.approx(sums, rel=1e-6)
    assert strips.top() == pytest.approx(np.linalg.norm(exact, 2), rel=TOLERANCE)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_large_layer_of_a_file_is_iterated(dtype):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1100, 1000), nn.Linear(1000, 4)).to(dtype)
    assert [is_large(layer) for layer in inventory(model).layers] == [True, False]
    certified, exact = (
        measure_state(model.state_dict()),
        measure_state(model.state_dict(), exact=True),
    )
    for name in ("log_spectral_norm", "log_frobenius", "log_l1", "log_group_21"):
        assert list(certified.layers[name]) == pytest.approx(list(exact.layers[name]), abs=1e-6)


def test_what_float32_cannot_square_is_decomposed():
    weight = 1e-25 * torch.randn(1100, 1000, generator=torch.Generator().manual_seed(0))
    found = measure_state({"weight": weight}).layers.log_spectral_norm[0]
    expected = math.log(np.linalg.norm(1e25 * weight.double().numpy(), 2)) - 25 * math.log(10)
    assert found == pytest.approx(expected, abs=1e-9)
