"""The repeated measurement: a few numbers of one model, again and again along a training."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from normlaws.errors import InputError, allowed
from normlaws.norms import exact, formulas
from normlaws.norms.layers import inventory

DATA_FREE_NORMS = ("spectral_complexity", "spectral_product", "frobenius", "l1", "group_21")


class NormMeter:
    """Measures the data-free norms of one model repeatedly.

    Args:
        model: any PyTorch model; the meter reads its weights where they are.
        names: which of ``spectral_complexity``, ``spectral_product``, ``frobenius``, ``l1`` and
            ``group_21``; all where omitted.
        conv: ``"flat"`` or ``"operator"``: the reading of convolutions.
        relative_error: wanted relative error of every spectral norm.

    Raises:
        InputError: a name is unknown, or the model holds no weight matrix.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        names: tuple[str, ...] | None = None,
        conv: str = "flat",
        relative_error: float | None = None,
    ) -> None:
        self.names = DATA_FREE_NORMS if names is None else tuple(names)
        unknown = [name for name in self.names if name not in DATA_FREE_NORMS]
        if unknown or not self.names:
            raise InputError(
                f"expected names of norms among {allowed(DATA_FREE_NORMS)}, got {self.names}"
            )
        self.conv = conv
        self.relative_error = relative_error
        self.layers = inventory(model).layers

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Natural logarithms in float64, keyed ``log_<name>``."""
        blocks = [layer.read() for layer in self.layers]
        with np.errstate(divide="ignore"):
            sigma = np.log([exact.spectral_norm_gram(block) for block in blocks])
            rows = np.log([exact.group_21(block) for block in blocks])
            squares = np.log([exact.frobenius(block) for block in blocks]) * 2
            sums = np.log([exact.l1(block) for block in blocks])
        values = {
            "spectral_complexity": formulas.log_spectral_complexity(sigma, rows),
            "spectral_product": formulas.log_spectral_product(sigma),
            "frobenius": formulas.log_sum(squares) / 2,
            "l1": formulas.log_sum(sums),
            "group_21": formulas.log_sum(rows),
        }
        return {f"log_{name}": values[name] for name in self.names}

    def state_dict(self) -> dict[str, Tensor]:
        """What a resumed training needs to record the same values, bit by bit."""
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a saved state."""
