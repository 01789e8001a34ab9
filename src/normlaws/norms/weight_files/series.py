"""The norms of one network again and again, from its checkpoints."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from normlaws.errors import InputError
from normlaws.norms.definitions import network as formulas
from normlaws.norms.layer_norms import warn_not_finite
from normlaws.norms.model.weight_layer import WeightLayer
from normlaws.norms.warm_layer import WarmLayer, measure_layers
from normlaws.norms.weight_files.measuring import plan_of
from normlaws.norms.weight_files.wrapped import bare_keys


class CheckpointMeter:
    """Measures state dicts of one architecture, warm from one to the next.

    Args:
        relative_error: wanted relative error of every spectral norm.
    """

    def __init__(self, relative_error: float = 1e-6) -> None:
        self._error = relative_error
        self._warm: list[WarmLayer] = []
        self._calls = 0

    @torch.no_grad()
    def measure(self, state: Mapping[str, Tensor]) -> dict[str, float]:
        """Natural logarithms of the data-free norms, keyed ``log_<name>``.

        Raises:
            InputError: ``state`` is of another architecture than the first.

        Warns:
            NormlawsWarning: as for one file, at the first call; and weights that are not finite.
        """
        with warnings.catch_warnings():
            if self._warm:
                warnings.simplefilter("ignore")  # the first checkpoint has said it
            layers = plan_of(bare_keys(state)).layers
        if not self._warm:
            self._warm = [WarmLayer(layer, None, self._error, False) for layer in layers]
        self._follow({layer.name: layer for layer in layers})
        random = np.random.Generator(np.random.Philox(key=[0, self._calls]))
        self._calls += 1
        measure_layers(self._warm, random, self._calls, spectral=True, sums=True)
        sigma, group, frobenius, l1 = np.array([warm.row for warm in self._warm]).T
        broken = [warm.layer.name for warm in self._warm if math.isnan(warm.row.log_spectral_norm)]
        if broken:
            warn_not_finite(broken)
        return {
            "log_spectral_complexity": formulas.log_spectral_complexity(sigma, group),
            "log_spectral_product": formulas.log_spectral_product(sigma),
            "log_frobenius": formulas.log_root_of_squares(frobenius),
            "log_l1": formulas.log_sum(l1),
            "log_group_21": formulas.log_sum(group),
        }

    def _follow(self, layers: Mapping[str, WeightLayer]) -> None:
        for warm in self._warm:
            found = layers.get(warm.layer.name)
            if found is None or found.shape != warm.layer.shape:
                raise InputError(
                    "expected checkpoints of one architecture, but "
                    f"{warm.layer.name} of shape {warm.layer.shape} is not in a later one"
                )
            warm.layer = found
        if len(layers) != len(self._warm):
            raise InputError(
                f"expected checkpoints of one architecture, got {len(self._warm)} and then "
                f"{len(layers)} layers"
            )
