"""The largest singular value in float64 where an iteration does not reach its bound."""

import pytest
import torch

from normlaws.errors import NormlawsWarning
from normlaws.norms.operators import Flat
from normlaws.norms.spectrum import exact


@pytest.fixture
def close():
    """A matrix whose largest singular values lie too close for a few vectors, and the largest."""
    torch.manual_seed(0)
    left, right = (torch.linalg.qr(torch.randn(200, 200, dtype=torch.float64))[0] for _ in range(2))
    values = 2 - torch.linspace(0, 1, 200, dtype=torch.float64) ** 4
    return Flat(left * values @ right), 2.0


def test_it_is_decomposed(close):
    matrix, largest = close
    assert exact.iterated_norm(matrix, most=10) == pytest.approx(largest, rel=1e-12)


def test_it_is_called_an_estimate_where_it_cannot_be_written_out(close, monkeypatch):
    matrix, largest = close
    monkeypatch.setattr(exact, "_WRITTEN_OUT", 1)
    with pytest.warns(NormlawsWarning, match="an estimate from below"):
        value = exact.iterated_norm(matrix, most=10)
    assert 0.9 * largest < value < largest
