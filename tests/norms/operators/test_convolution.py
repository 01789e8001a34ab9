"""Every layer kind against the explicit matrix, in both readings."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from normlaws.norms import NormMeter, measure
from normlaws.norms.operators.geometry import Convolution

from ..suite import explicit, largest_singular_value, rows_21
from .drawn import convolutions, transposed_convolutions

CLOSE = {"rel": 1e-6, "abs": 1e-9}


def check_operator(module: nn.Module, shape: tuple[int, ...]) -> None:
    matrix = explicit(module, shape)
    example = torch.randn(1, *shape)
    row = measure(module, conv="operator", example_input=example).layers.iloc[0]
    assert math.exp(row.log_spectral_norm) == pytest.approx(largest_singular_value(matrix), **CLOSE)
    assert math.exp(row.log_group_21) == pytest.approx(rows_21(matrix), **CLOSE)
    assert math.exp(row.log_frobenius) == pytest.approx(float(matrix.norm()), **CLOSE)
    assert math.exp(row.log_l1) == pytest.approx(float(matrix.abs().sum()), **CLOSE)
    meter = NormMeter(module, conv="operator", example_input=example, relative_error=1e-4)
    warm = meter.measure()
    assert warm["log_spectral_product"] == pytest.approx(row.log_spectral_norm, abs=1e-4)
    assert warm["log_group_21"] == pytest.approx(row.log_group_21, abs=2e-6)
    assert warm["log_l1"] == pytest.approx(row.log_l1, abs=2e-6)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(convolutions())
def test_operator_of_a_convolution_is_its_explicit_matrix(drawn):
    check_operator(*drawn)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(transposed_convolutions())
def test_operator_of_a_transposed_convolution_is_its_explicit_matrix(drawn):
    check_operator(*drawn)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("taps", [(2, 3), (4, 1)])
def test_same_padding_of_even_kernels_is_asymmetric(mode, taps):
    check_operator(nn.Conv2d(2, 3, taps, padding="same", padding_mode=mode), (2, 5, 6))


@pytest.mark.parametrize("groups", [1, 4])
def test_operators_too_large_to_write_out_are_iterated(groups):
    torch.manual_seed(0)
    check_operator(nn.Conv2d(8, 8, 3, padding=1, groups=groups, stride=2), (8, 12, 13))


@pytest.mark.parametrize("conv", [nn.Conv2d(3, 5, 4, 4), nn.Conv2d(3, 5, 1, 2)])
def test_patches_apart_make_the_operator_copies_of_the_flat_matrix(conv):
    assert Convolution.of(conv, (1, 3, 8, 8)).separates()
    assert not Convolution.of(nn.Conv2d(3, 5, 3, 2, 1), (1, 3, 8, 8)).separates()
    check_operator(conv, (3, 8, 8))


def test_all_ones_kernel_has_flat_norm_3_and_operator_norm_9():
    conv = nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular", bias=False)
    nn.init.ones_(conv.weight)
    flat = measure(conv).layers.log_spectral_norm[0]
    operator = measure(conv, conv="operator", example_input=torch.ones(1, 1, 40, 40))
    assert math.exp(flat) == pytest.approx(3, rel=1e-12)
    assert math.exp(operator.layers.log_spectral_norm[0]) == pytest.approx(9, rel=1e-9)


def flat_matrices(module: nn.Module) -> list[torch.Tensor]:
    weight = module.weight.detach()
    if module.transposed:
        weight = torch.cat([part.transpose(0, 1) for part in weight.chunk(module.groups)])
    return [part.flatten(1) for part in weight.chunk(module.groups)]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.one_of(convolutions(), transposed_convolutions()))
def test_flat_reading_takes_the_largest_group(drawn):
    module, _ = drawn
    parts = flat_matrices(module)
    row = measure(module).layers.iloc[0]
    top = max(largest_singular_value(part) for part in parts)
    assert math.exp(row.log_spectral_norm) == pytest.approx(top, **CLOSE)
    assert math.exp(row.log_group_21) == pytest.approx(sum(map(rows_21, parts)), **CLOSE)
    assert NormMeter(module).measure()["log_spectral_product"] == pytest.approx(
        row.log_spectral_norm, abs=1e-6
    )
