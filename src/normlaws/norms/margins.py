"""Normalised margins of a classifier over a batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from normlaws.errors import InputError
from normlaws.norms.measurement import measure
from normlaws.norms.model.reading import evaluation_mode


@dataclass(frozen=True)
class Margins:
    """The distribution of margins over a batch of n inputs.

    The normalised margin is raw · exp(−log_scale); it is kept in two parts because R overflows
    float64 on deep networks.

    Attributes:
        raw: f_y − max_{j≠y} f_j, (n,); negative where the input is misclassified.
        log_scale: log (R · ‖X‖_F / n), R the spectral complexity.
    """

    raw: NDArray[np.float64]
    log_scale: float

    @property
    def normalized(self) -> NDArray[np.float64]:
        """Normalised margins (n,); 0 where they are below the range of float64."""
        with np.errstate(divide="ignore", over="ignore"):
            return np.sign(self.raw) * np.exp(np.log(np.abs(self.raw)) - self.log_scale)

    def quantile(self, share: float | NDArray[np.float64]) -> Any:
        """Quantile(s) of the normalised margins; ``share`` in [0, 1]."""
        return np.quantile(self.normalized, share)


def margins(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    log_spectral_complexity: float | None = None,
) -> Margins:
    """Normalised margins, Bartlett, Foster & Telgarsky 2017, sec. 2.

    (f(x)_y − max_{j≠y} f(x)_j) / (R · ‖X‖_F / n), in evaluation mode.

    Args:
        model: a classifier; ``model(inputs)`` gives logits (n, classes), classes ≥ 2.
        inputs: (n, …).
        labels: (n,) integer classes.
        log_spectral_complexity: log R where it is known already; measured (flat, M = 0) where not.

    Raises:
        InputError: shapes do not fit.
    """
    with torch.no_grad(), evaluation_mode(model):
        logits = model(inputs).double()
    if logits.ndim != 2 or logits.shape[1] < 2 or labels.shape != logits.shape[:1]:
        raise InputError(
            "expected logits (n, classes) with at least 2 classes and labels (n,), got "
            f"{tuple(logits.shape)} and {tuple(labels.shape)}"
        )
    of_label = logits.gather(1, labels[:, None]).squeeze(1)
    others = logits.scatter(1, labels[:, None], -math.inf).amax(1)
    if log_spectral_complexity is None:
        log_spectral_complexity = measure(model).total["log_spectral_complexity"]
    size = float(torch.linalg.vector_norm(inputs.double())) / len(inputs)
    return Margins(
        (of_label - others).cpu().numpy(),
        log_spectral_complexity + (math.log(size) if size else -math.inf),
    )
