"""All numbers of one layer, exact in float64, as `measure` reports them."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from normlaws.errors import NormlawsWarning
from normlaws.norms.model.layers import WeightLayer
from normlaws.norms.operators.convolution import Convolution
from normlaws.norms.operators.sums import Sums, column_norms, exact_sums
from normlaws.norms.spectrum.exact import flat_norm, in_float64, operator_norm


@dataclass(frozen=True)
class LayerNorms:
    """Natural logarithms of the norms of one layer; ``-inf`` for a layer of zeros."""

    log_spectral_norm: float
    log_frobenius: float
    log_l1: float
    log_group_21: float
    log_column_21: float
    log_distance_21: float
    log_distance: float

    @property
    def stable_rank(self) -> float:
        """‖A‖_F² / ‖A‖_σ²."""
        return _exp(2 * (self.log_frobenius - self.log_spectral_norm))


def layer_norms(
    layer: WeightLayer, conv: Convolution | None, reference: WeightLayer | None
) -> LayerNorms:
    """Measure one layer; ``conv`` asks for the operator reading, ``reference`` is M."""
    blocks = in_float64(layer.read())
    if not bool(torch.isfinite(blocks).all()):
        warn_not_finite([layer.name])
        return LayerNorms(*[math.nan] * 7)
    exponent = _log(float(blocks.abs().amax()))
    scale = math.exp(exponent) if math.isfinite(exponent) else 1.0
    blocks = blocks / scale  # squares of what remains neither overflow nor vanish
    sums = _sums(blocks, conv)
    sigma = operator_norm(blocks, conv) if conv else flat_norm(blocks)
    away = sums
    if reference is not None:
        away = _sums(blocks - in_float64(reference.read()) / scale, conv)
    shift = math.log(scale)
    return LayerNorms(
        shift + _log(sigma),
        shift + _log(sums.squares) / 2,
        shift + _log(sums.absolute),
        shift + _log(sums.rows),
        shift + _log(float(column_norms(blocks).sum())),
        shift + _log(away.rows),
        shift + _log(away.squares) / 2,
    )


def warn_not_finite(names: list[str]) -> None:
    """Say which layers hold NaN or infinite weights."""
    warnings.warn(
        f"weights that are not finite in {', '.join(names)}: norms that contain them are NaN",
        NormlawsWarning,
        stacklevel=4,
    )


def _sums(blocks: Tensor, conv: Convolution | None) -> Sums:
    return Sums(*conv.row_sums(blocks)) if conv else exact_sums(blocks)


def _log(value: Any) -> float:
    return math.log(value) if value > 0 else -math.inf


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
