"""All numbers of one layer, exact in float64, as `measure` reports them."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from normlaws.errors import InputError, NormlawsWarning
from normlaws.norms.model.layers import WeightLayer
from normlaws.norms.operators import operator_of
from normlaws.norms.operators.geometry import Convolution
from normlaws.norms.operators.sums import column_norms
from normlaws.norms.spectrum.exact import in_float64, norm


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
    blocks = _in_double(layer, conv)
    if not bool(torch.isfinite(blocks).all()):
        warn_not_finite([layer.name])
        return LayerNorms(*[math.nan] * 7)
    exponent = _log(float(blocks.abs().amax()))
    scale = math.exp(exponent) if math.isfinite(exponent) else 1.0
    blocks = blocks / scale  # squares of what remains neither overflow nor vanish
    sums = operator_of(_sizes(blocks), conv).sums()
    sigma = norm(operator_of(_real_form(blocks), conv))
    away = sums
    if reference is not None:
        difference = blocks - _in_double(reference, conv) / scale
        away = operator_of(_sizes(difference), conv).sums()
    shift = math.log(scale)
    return LayerNorms(
        shift + _log(sigma),
        shift + _log(sums.squares) / 2,
        shift + _log(sums.absolute),
        shift + _log(sums.rows),
        shift + _log(float(column_norms(blocks.abs()).sum())),
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


def _in_double(layer: WeightLayer, conv: Convolution | None) -> Tensor:
    """The blocks in float64, or complex128."""
    blocks = layer.read().detach()
    if not blocks.is_complex():
        return in_float64(blocks)
    if conv is not None:
        raise InputError(
            f'expected conv="flat" for complex weights, got conv="operator" for {layer.name}'
        )
    return blocks.to(torch.complex128)


def _real_form(blocks: Tensor) -> Tensor:
    """[[Re, −Im], [Im, Re]] has the singular values of a complex matrix, each twice."""
    if not blocks.is_complex():
        return blocks
    real, imaginary = blocks.real, blocks.imag
    return torch.cat(
        [torch.cat([real, -imaginary], dim=2), torch.cat([imaginary, real], dim=2)], dim=1
    )


def _sizes(blocks: Tensor) -> Tensor:
    """Real blocks with the same sums."""
    return blocks.abs() if blocks.is_complex() else blocks


def _log(value: Any) -> float:
    return math.log(value) if value > 0 else -math.inf


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
