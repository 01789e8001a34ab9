"""``measure``: one complete measurement of a model, and the value it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from normlaws.norms import exact, formulas
from normlaws.norms.layers import inventory


@dataclass(frozen=True)
class Measurement:
    """Norms of one model.

    Attributes:
        total: ``log_<norm>`` of the whole network (natural logarithms) and counts.
        layers: one row per weight layer: ``name``, ``kind``, ``shape``, ``log_spectral_norm``, …
        conventions: how everything was read.
    """

    total: dict[str, Any]
    layers: pd.DataFrame
    conventions: dict[str, Any]


@torch.no_grad()
def measure(
    model: nn.Module,
    *,
    reference: Mapping[str, Tensor] | nn.Module | None = None,
    conv: str = "flat",
    definition: str = "bartlett",
    example_input: Any = None,
    fold_batch_norm: bool = False,
) -> Measurement:
    """Measure every data-free norm of ``model``, layer by layer and in total."""
    found = inventory(model).layers
    rows = []
    with np.errstate(divide="ignore"):
        for layer in found:
            block = layer.read()
            rows.append(
                {
                    "name": layer.name,
                    "kind": layer.kind,
                    "shape": layer.shape,
                    "log_spectral_norm": np.log(exact.spectral_norm_gram(block)),
                    "log_frobenius": np.log(exact.frobenius(block)),
                    "log_l1": np.log(exact.l1(block)),
                    "log_group_21": np.log(exact.group_21(block)),
                }
            )
    layers = pd.DataFrame(rows)
    sigma = layers["log_spectral_norm"].to_numpy()
    group = layers["log_group_21"].to_numpy()
    total = {
        "log_spectral_complexity": formulas.log_spectral_complexity(sigma, group),
        "log_spectral_product": formulas.log_spectral_product(sigma),
        "log_frobenius": formulas.log_sum(2 * layers["log_frobenius"].to_numpy()) / 2,
        "log_l1": formulas.log_sum(layers["log_l1"].to_numpy()),
        "log_group_21": formulas.log_sum(group),
        "layers": len(layers),
    }
    return Measurement(total, layers, {"conv": conv, "definition": definition})
