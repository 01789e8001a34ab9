"""Many steps of gradient descent at a fixed kernel, taken at once."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import scipy.linalg
import torch
from torch import Tensor

_TINY = 1e-14  # of the largest eigenvalue: below that the rounding of the decomposition
_PRODUCTS = 7  # of two square matrices, about the time of a decomposition


@dataclass(frozen=True)
class Moved:
    """What a block of steps adds to the outputs.

    Attributes:
        train: at the training rows, (rows, columns).
        probes: at the probe rows, (probe rows, columns).
        unstable: whether a step is longer than the stability of the largest eigenvalue allows.
    """

    train: Tensor
    probes: Tensor
    unstable: bool


def moved(
    train: Tensor,
    probes: Tensor,
    residual: Tensor,
    rates: Counter[float],
    *,
    flow: bool = False,
) -> Moved:
    """Take the steps of a block, K = J Jᵀ being the same at all of them.

    The residual r = y − f(training) obeys r ← (1 − rate·K)r and outputs elsewhere
    f(x) ← f(x) + rate·K(x, :)r. A few steps are taken one after another; more of them, polynomials
    of K, at once in the eigenbasis of J Jᵀ or Jᵀ J, whichever is smaller.

    Args:
        train: J at the training rows, (rows, weights), float64 on the CPU, divided so that a step
            in the weights is rate·Jᵀr.
        probes: J at the probe rows, (probe rows, weights).
        residual: at the start of the block, (rows, columns).
        rates: learning rate -> steps taken with it, at least one step.
        flow: take e^(−Σ rate λ) for Π(1 − rate λ), as suits steps that carry momentum.
    """
    rows, weights = train.shape
    if rows > weights:
        values, vectors = _eigenbasis(_lower_gram(train.T))
        left, elsewhere = train @ vectors, probes @ vectors
        right = left.T
    else:
        kernel, across = _lower_gram(train), probes @ train.T
        if not flow and _few(kernel, residual, rates):
            return _one_by_one(kernel, across, residual, rates)
        values, vectors = _eigenbasis(kernel)
        left, elsewhere = vectors * values.clamp_min(0), across @ vectors
        right = vectors.T
    sums, unstable = _sums(values, rates, flow)
    coefficients = (right @ residual).mul_(sums[:, None])
    return Moved(left @ coefficients, elsewhere @ coefficients, unstable)


def _lower_gram(matrix: Tensor) -> Tensor:
    """The lower triangle of A Aᵀ, zeros above: half the work of a general product."""
    return torch.from_numpy(scipy.linalg.blas.dsyrk(1.0, matrix.T.numpy(), trans=True).T)


def _eigenbasis(lower: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues in ascending order, and eigenvectors as columns; the matrix is overwritten."""
    values, vectors = scipy.linalg.eigh(
        lower.T.numpy(), lower=False, driver="evr", overwrite_a=True, check_finite=False
    )
    return torch.from_numpy(values), torch.from_numpy(vectors)


def _few(lower: Tensor, residual: Tensor, rates: Counter[float]) -> bool:
    """Whether the steps take less time than a decomposition, and all are stable."""
    quick = rates.total() * residual.shape[1] <= _PRODUCTS * len(lower)
    return quick and max(rates) * math.sqrt(2) * float(lower.norm()) <= 2  # ≥ any rate λ


def _one_by_one(lower: Tensor, across: Tensor, residual: Tensor, rates: Counter[float]) -> Moved:
    """Step by step, with Σ rate·r of the steps so far as the state."""
    kernel = lower + lower.tril(-1).T
    pushed, train = torch.zeros_like(residual), torch.zeros_like(residual)
    for rate in rates.elements():
        pushed.add_(residual, alpha=rate).sub_(train, alpha=rate)
        train = kernel @ pushed
    return Moved(train, across @ pushed, unstable=False)


def _sums(values: Tensor, rates: Counter[float], flow: bool) -> tuple[Tensor, bool]:
    """Σ_s rate_s Π_{s' < s}(1 − rate_s' λ) = (1 − Π(1 − rate λ))/λ, and whether any rate λ > 2.

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
