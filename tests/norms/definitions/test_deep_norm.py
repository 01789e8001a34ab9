"""The formulas of the published code, written out once more in linear scale."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from normlaws.norms import measure

from ..suite import largest_singular_value, spectral_complexity


def columns_21(matrix: torch.Tensor) -> float:
    return float(matrix.detach().double().square().sum(0).sqrt().sum())


def later_columns(matrices: list[torch.Tensor]) -> float:
    sigma = [largest_singular_value(matrix) for matrix in matrices]
    columns = [columns_21(matrix) for matrix in matrices]
    terms = [(sum(columns[i + 1 :]) / sigma[i]) ** (2 / 3) for i in range(len(sigma))]
    return math.prod(sigma) * sum(terms) ** 1.5


def weights(*modules: nn.Module) -> list[torch.Tensor]:
    return [module.weight.flatten(1) for module in modules]


def check(model: nn.Module, chosen: list[torch.Tensor], complexity: float, architecture: str):
    result = measure(model, definition="deep_norm")
    assert result.conventions["definition"] == architecture
    assert math.exp(result.total["log_spectral_complexity"]) == pytest.approx(complexity)
    assert math.exp(result.total["log_group_21"]) == pytest.approx(sum(map(columns_21, chosen)))
    product = math.prod(largest_singular_value(matrix) for matrix in chosen)
    assert math.exp(result.total["log_spectral_product"]) == pytest.approx(product)
    return result


def all_parameters(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().double().flatten() for p in model.parameters()])


def test_cnn_sums_the_columns_of_later_layers():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.Flatten(),
                          nn.Linear(16, 5), nn.ReLU(), nn.Linear(5, 3))  # fmt: skip
    matrices = weights(model[0], model[2], model[4], model[6])
    result = check(model, matrices, later_columns(matrices), "deep_norm_cnn")
    everything = all_parameters(model)
    assert math.exp(result.total["log_l1"]) == pytest.approx(float(everything.abs().sum()))
    assert math.exp(result.total["log_frobenius"]) == pytest.approx(float(everything.norm()))


def test_resnet_sees_the_stem_and_the_last_layer():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3), nn.Flatten(),
                          nn.Linear(16, 3))  # fmt: skip
    matrices = weights(model[0], model[4])
    result = check(model, matrices, later_columns(matrices), "deep_norm_resnet")
    assert len(result.layers) == 3
    l1 = float(all_parameters(model).abs().sum())
    assert math.exp(result.total["log_l1"]) == pytest.approx(l1)


def test_vit_uses_rows_but_groups_columns():
    torch.manual_seed(0)
    block = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", norm_first=True)
    model = nn.ModuleList([nn.Conv2d(1, 8, 4, 4), block, nn.Linear(8, 3)])
    attention = block.self_attn
    matrices = [
        *weights(model[0]),
        *attention.in_proj_weight.chunk(3),
        *weights(attention.out_proj, block.linear1, block.linear2, model[2]),
    ]
    result = check(model, matrices, spectral_complexity(matrices), "deep_norm_vit")
    l1 = sum(float(matrix.detach().double().abs().sum()) for matrix in matrices)
    assert math.exp(result.total["log_l1"]) == pytest.approx(l1)
