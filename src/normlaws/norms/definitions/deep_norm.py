"""The formulas of the paper's public code, to compare with its published curves.

They differ from spectral complexity (eq. 1.2 of Bartlett et al. 2017) as follows:

- ``deep_norm_cnn``: ‖A_iᵀ‖_{2,1} is replaced by the sum of the *column* (2,1) norms of all later
  layers, so the last layer contributes nothing; L1 and Frobenius run over all parameters, biases
  too.
- ``deep_norm_resnet``: the same, over the first convolution and the last linear layer alone.
- ``deep_norm_vit``: row norms, so the formula is Bartlett's, over patch embedding, Q, K, V, O, MLP
  and head; its (2,1) norm runs over columns. The code returns log R under the name of R; here, as
  everywhere, the logarithm says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from normlaws.norms.definitions import network as formulas
from normlaws.norms.layer_norms import LayerNorms
from normlaws.norms.model.layers import WeightLayer
from normlaws.norms.spectrum.exact import in_float64

ARCHITECTURES = ("deep_norm_cnn", "deep_norm_resnet", "deep_norm_vit")


def architecture(model: nn.Module, layers: Sequence[WeightLayer]) -> str:
    """Which of the three formulas belongs to a model: attention, batch-norm, or neither."""
    if any(layer.kind.startswith("attention") for layer in layers):
        return "deep_norm_vit"
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules()):
        return "deep_norm_resnet"
    return "deep_norm_cnn"


def seen(definition: str, layers: Sequence[WeightLayer]) -> list[int]:
    """Indices of the layers that the published formula looks at."""
    if definition == "deep_norm_resnet":
        return [0, len(layers) - 1] if len(layers) > 1 else [0]
    return list(range(len(layers)))


def totals(definition: str, model: nn.Module, norms: Sequence[LayerNorms]) -> dict[str, float]:
    """The five published norms, in natural logarithms, from the layers that are seen."""
    sigma = np.array([norm.log_spectral_norm for norm in norms])
    columns = np.array([norm.log_column_21 for norm in norms])
    if definition == "deep_norm_vit":
        rows = np.array([norm.log_group_21 for norm in norms])
        complexity = formulas.log_spectral_complexity(sigma, rows)
        frobenius = formulas.log_sum(2 * np.array([norm.log_frobenius for norm in norms])) / 2
        l1 = formulas.log_sum(np.array([norm.log_l1 for norm in norms]))
    else:
        later = [formulas.log_sum(columns[index + 1 :]) for index in range(len(columns))]
        complexity = formulas.log_spectral_complexity(sigma, np.array(later))
        frobenius, l1 = _over_all_parameters(model)
    return {
        "log_spectral_complexity": complexity,
        "log_spectral_product": formulas.log_spectral_product(sigma),
        "log_frobenius": frobenius,
        "log_l1": l1,
        "log_group_21": formulas.log_sum(columns),
    }


def _over_all_parameters(model: nn.Module) -> tuple[float, float]:
    values = [in_float64(parameter) for parameter in model.parameters()]
    squares = sum(float(torch.linalg.vector_norm(value)) ** 2 for value in values)
    absolute = sum(float(value.abs().sum()) for value in values)
    return _log(squares) / 2, _log(absolute)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf if value == 0 else math.nan
