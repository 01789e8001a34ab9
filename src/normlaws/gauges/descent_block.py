"""Many steps of gradient descent at a fixed kernel, taken at once in its eigenbasis."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor

_TINY = 1e-14  # of the largest eigenvalue: below that the rounding of the decomposition


@dataclass(frozen=True)
class Block:
    """What a block of steps at one kernel does to residuals.

    The residual r = y − f(training) obeys r ← (1 − rate·K)r at each step and outputs elsewhere
    f(x) ← f(x) + rate·K(x, :)r, K = J Jᵀ. Both are polynomials of K, taken here in the eigenbasis
    of J Jᵀ or Jᵀ J, whichever is smaller.

    Attributes:
        left: J W or V √λ, (rows, k): maps coefficients to the training rows.
        right: (k, rows): coefficients of residuals.
        weights: (k, weights): maps coefficients back to the weights, Jᵀ times ``right`` transposed.
        sums: (k,) Σ_s rate_s Π_{s' < s}(1 − rate_s' λ) = (1 − Π(1 − rate_s λ))/λ.
        unstable: whether a step is longer than the stability of the largest eigenvalue allows.
    """

    left: Tensor
    right: Tensor
    weights: Tensor
    sums: Tensor
    unstable: bool

    @classmethod
    def of(cls, jacobian: Tensor, rates: Counter[float], *, flow: bool = False) -> Block:
        """Decompose the kernel of the training rows.

        Args:
            jacobian: (rows, weights), each row divided so that the step is rate·Jᵀ(y − f).
            rates: learning rate -> steps taken with it.
            flow: take e^(−Σ rate λ) for every product, as suits steps that carry momentum.
        """
        rows, weights = jacobian.shape
        if rows <= weights:
            values, vectors = torch.linalg.eigh(jacobian @ jacobian.T)
            sums, unstable = _sums(values, rates, flow)
            left = vectors * values.clamp_min(0)
            return cls(left, vectors.T, vectors.T @ jacobian, sums, unstable)
        values, vectors = torch.linalg.eigh(jacobian.T @ jacobian)
        sums, unstable = _sums(values, rates, flow)
        left = jacobian @ vectors
        return cls(left, left.T, vectors.T, sums, unstable)

    def moved(self, residual: Tensor) -> tuple[Tensor, Tensor]:
        """What the block adds to the outputs, for residuals (rows, columns) at its start.

        Returns:
            At the training rows (rows, columns); and in the weights (weights, columns), from which
            a Jacobian at other inputs gives their outputs.
        """
        coefficients = self.sums[:, None] * (self.right @ residual)
        return self.left @ coefficients, self.weights.T @ coefficients


def _sums(values: Tensor, rates: Counter[float], flow: bool) -> tuple[Tensor, bool]:
    """(1 − Π(1 − rate λ))/λ without cancellation, and whether any rate λ exceeds 2.

    Where a rate times an eigenvalue exceeds 2, the steps themselves would grow without bound at a
    fixed kernel, while in training the kernel gives way; e^(−Σ rate λ) is taken there.
    """
    values = values.clamp_min(0)
    total = sum(rate * count for rate, count in rates.items())
    small = values <= _TINY * values.max()
    logs, signs = torch.zeros_like(values), torch.ones_like(values)
    unstable = torch.zeros_like(small)
    for rate, count in rates.items():
        factor = rate * values
        unstable |= factor > 2
        logs += count * torch.where(factor < 1, torch.log1p(-factor), (factor - 1).log())
        signs *= torch.where((factor > 1) & (count % 2 == 1), -1.0, 1.0)
    smooth = unstable | flow
    logs = torch.where(smooth, -total * values, logs)
    signs = torch.where(smooth, 1.0, signs)
    one_minus = torch.where(signs > 0, -torch.expm1(logs), 1 + logs.exp())
    sums = torch.where(small, torch.as_tensor(total).to(values), one_minus / values)
    return sums, bool(unstable.any()) and not flow
