"""Many steps of gradient descent at a fixed kernel, taken at once."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import scipy.linalg
import torch
from torch import Tensor

_TINY = 1e-14  # of the largest eigenvalue: below that the rounding of the decomposition
_DECOMPOSITION, _SQUARE = 7.5, 0.7  # time over that of a product of two square matrices


@dataclass(frozen=True)
class Moved:
    """Where a block of steps ends.

    Attributes:
        residual: what is left of the residual at the training rows, (rows, columns).
        probes: what is added at the probe rows, (probe rows, columns).
        unstable: whether a step is longer than the stability of the largest eigenvalue allows.
    """

    residual: Tensor
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
    f(x) ← f(x) + rate·K(x, :)r. A few steps are taken by squares of 1 − rate·K; more of them,
    polynomials of K, at once in the eigenbasis of J Jᵀ or Jᵀ J, whichever is smaller.

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
        if not flow and _quick(across, residual, rates) and _stable(kernel, rates):
            return _by_squares(kernel, across, residual, rates)
        values, vectors = _eigenbasis(kernel)
        left, elsewhere = vectors, across @ vectors
        right = vectors.T
    sums, unstable = _sums(values, rates, flow)
    coefficients = (right @ residual).mul_(sums[:, None])
    outputs = elsewhere @ coefficients
    if rows <= weights:
        coefficients.mul_(values.clamp_min(0)[:, None])
    return Moved(torch.addmm(residual, left, coefficients, alpha=-1), outputs, unstable)


def _lower_gram(matrix: Tensor) -> Tensor:
    """The lower triangle of A Aᵀ, zeros above: half the work of a general product."""
    return torch.from_numpy(scipy.linalg.blas.dsyrk(1.0, matrix.T.numpy(), trans=True).T)


def _eigenbasis(lower: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues in ascending order, and eigenvectors as columns; the matrix is overwritten."""
    values, vectors = scipy.linalg.eigh(
        lower.T.numpy(), lower=False, driver="evr", overwrite_a=True, check_finite=False
    )
    return torch.from_numpy(values), torch.from_numpy(vectors)


def _stable(lower: Tensor, rates: Counter[float]) -> bool:
    """Whether no step can grow: √2 times the norm of the triangle is at least any eigenvalue."""
    return max(rates) * math.sqrt(2) * float(lower.norm()) <= 2


def _squarings(count: int, columns: float, probes: float) -> tuple[float, int]:
    """The least cost of so many steps of one rate, and the number of squarings that has it.

    After s squarings, count // 2**s products with the last power and one for each lower bit of
    count are left. Widths are relative to the rows; the unit is a product of two square matrices.
    """

    def cost(squarings: int) -> float:
        low = (count & ((1 << squarings) - 1)).bit_count()
        products = (count >> squarings) + low
        return squarings * (_SQUARE + probes) + columns * (products + probes * (low + 1))

    return min((cost(squarings), squarings) for squarings in range(count.bit_length()))


def _quick(across: Tensor, residual: Tensor, rates: Counter[float]) -> bool:
    """Whether squares take less time than a decomposition and the products that follow it."""
    rows, columns = residual.shape
    widths = columns / rows, len(across) / rows
    eigenbasis = _DECOMPOSITION + 2 * widths[0] + widths[1] * (1 + widths[0])
    return sum(_squarings(count, *widths)[0] for count in rates.values()) <= eigenbasis


def _by_squares(lower: Tensor, across: Tensor, residual: Tensor, rates: Counter[float]) -> Moved:
    """The steps of each rate, singly or by powers A², A⁴ … of A = 1 − rate·K."""
    widths = residual.shape[1] / len(residual), len(across) / len(residual)
    kernel, outputs = _mirrored(lower), across.new_zeros(len(across), residual.shape[1])
    passed = torch.zeros_like(residual)  # Σ rate·r over single steps
    for rate, count in rates.items():
        squarings = _squarings(count, *widths)[1]
        for _ in range(count & 1 if squarings else count):
            passed.add_(residual, alpha=rate)
            residual = torch.addmm(residual, kernel, residual, alpha=-rate)
        if squarings:
            power = -rate * kernel
            power.diagonal().add_(1)
            residual = _powers(power, rate * across, residual, outputs, count, squarings)
    return Moved(residual, outputs.addmm_(across, passed), unstable=False)


def _powers(
    power: Tensor, reach: Tensor, residual: Tensor, outputs: Tensor, count: int, squarings: int
) -> Tensor:
    """Steps in twos, fours … up to 2**squarings; their outputs are added in place.

    ``reach`` is rate·K(probes, :)(1 + A + …) over the steps that the present power takes.
    """
    for level in range(1, squarings + 1):
        reach = torch.addmm(reach, reach, power)
        power = _mirrored(_lower_gram(power))
        times = count >> level if level == squarings else count >> level & 1
        passed = torch.zeros_like(residual)
        for _ in range(times):
            passed += residual
            residual = power @ residual
        if times:
            outputs.addmm_(reach, passed)
    return residual


def _mirrored(lower: Tensor) -> Tensor:
    """The symmetric matrix of a lower triangle with zeros above."""
    return lower + lower.tril(-1).T


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
