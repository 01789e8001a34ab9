"""What a fit minimises: sums of a function of the residuals of ln L.

All four are a (smoothed) quantile loss or squares. With r = ln L − ln law, beyond δ the loss is
linear: δ (|r| − δ/2), weighted by 2τ above the law and 2 (1 − τ) below; within δ it is r²/2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Floats
from normlaws.errors import InputError, allowed

ENVELOPE = 0.05  # share of the data that a lower envelope leaves below it
SHARPEST = 1e-6  # δ at which a quantile loss is told from its smoothing no more


@dataclass(frozen=True)
class Loss:
    """A loss function of residuals.

    Attributes:
        delta: where squares turn into absolute values; infinite for squares, 0 for absolute values.
        quantile: τ; half for a symmetric loss.
    """

    name: str
    delta: float
    quantile: float = 0.5

    @property
    def deltas(self) -> tuple[float, ...]:
        """The δ of a sequence of smooth problems that ends in this one."""
        if self.delta > 0:
            return (self.delta,)
        return (1e-2, 1e-3, 1e-4, 1e-5, SHARPEST)

    @property
    def deltas_nearby(self) -> tuple[float, ...]:
        """A shorter sequence for resamples, which begin near their minimum."""
        return (self.delta,) if self.delta > 0 else (1e-3, 1e-4)

    def weights(self, residuals: Floats) -> Floats:
        """2τ above the law, 2 (1 − τ) below."""
        return np.asarray(np.where(residuals > 0, 2 * self.quantile, 2 * (1 - self.quantile)))

    def exact(self, residuals: Floats, counts: Floats) -> Floats:
        """The sum that is reported: Σ |r| for absolute values, else Σ of the smooth loss. (B,)."""
        if self.delta == 0:
            return np.asarray((counts * self.weights(residuals) * np.abs(residuals)).sum(axis=-1))
        return self.smooth(residuals, counts, self.delta)

    def smooth(self, residuals: Floats, counts: Floats, delta: float) -> Floats:
        """Σ of the loss smoothed at ``delta``. (B,)."""
        size = np.abs(residuals)
        if np.isinf(delta):
            return np.asarray((counts * 0.5 * residuals**2).sum(axis=-1))
        value = np.where(size <= delta, 0.5 * residuals**2, delta * (size - 0.5 * delta))
        return np.asarray((counts * self.weights(residuals) * value).sum(axis=-1))

    def pull(self, residuals: Floats, counts: Floats, delta: float) -> tuple[Floats, Floats]:
        """First derivative by r, and the weight of a quadratic that bounds the loss. (B, n)."""
        if np.isinf(delta):
            return counts * residuals, counts * np.ones_like(residuals)
        weights = counts * self.weights(residuals)
        slope = weights * np.clip(residuals, -delta, delta)
        return slope, np.asarray(np.where(np.abs(residuals) <= delta, weights, 0.0))


def loss_of(fit: str, delta: float) -> Loss:
    """The loss function by its name.

    Raises:
        InputError: an unknown name, or a δ that is not positive.
    """
    found = {
        "squares": Loss("squares", np.inf),
        "huber": Loss("huber", delta),
        "lad": Loss("lad", 0.0),
        "envelope": Loss("envelope", 0.0, ENVELOPE),
    }
    if fit not in found:
        raise InputError(f"expected a fit {allowed(found)}, got {fit!r}")
    if not delta > 0:
        raise InputError(f"expected a delta above 0, got {delta:g}")
    return found[fit]
