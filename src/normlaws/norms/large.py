"""Large matrices: spectral norms iterated in float32 until a bound certifies them."""

from __future__ import annotations

import math

import numpy as np

from normlaws.norms.layer_norms import LayerNorms, layer_norms
from normlaws.norms.model.weight_layer import WeightLayer
from normlaws.norms.warm_layer import WarmLayer, measure_layers

TOLERANCE = 1e-6
_LARGE = 1 << 20  # entries from which an iteration is cheaper than the Gram matrix's eigenvalues


def is_large(layer: WeightLayer) -> bool:
    """Whether a layer is iterated rather than decomposed."""
    return math.prod(layer.shape) >= _LARGE


def certified_norms(layer: WeightLayer) -> LayerNorms:
    """All numbers of one layer, the spectral norm to a relative error of 1e-6.

    Where the bound is not reached (values too close to each other) the layer is decomposed.
    """
    warm = WarmLayer(layer, None, TOLERANCE, False)
    measure_layers([warm], np.random.default_rng(0), spectral=True, sums=True)
    row = warm.row
    if not math.isfinite(row.log_spectral_norm) or warm.bound > TOLERANCE:
        return layer_norms(layer, None, None)
    return LayerNorms(
        row.log_spectral_norm,
        row.log_frobenius,
        row.log_l1,
        row.log_group_21,
        math.nan,
        row.log_group_21,
        row.log_frobenius,
    )
