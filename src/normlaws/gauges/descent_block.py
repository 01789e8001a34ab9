"""Many steps of gradient descent at a fixed kernel, taken at once."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import scipy.linalg
import torch
from torch import Tensor

DOUBLE_UP_TO = 1000
"""Rows or weights, whichever are fewer, up to which all is done in double precision."""

SINGLE_ERROR = 1e-3
"""Error of an exponent Σ rate·λ up to which single precision is taken beyond that."""

_ROUNDINGS = 64  # ε of the largest eigenvalue: below that the rounding of the decomposition
_SQUARE = 0.75  # time over that of a product of two square matrices
_DECOMPOSITION = {torch.float64: 6.0, torch.float32: 4.0}  # likewise


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
    polynomials of K, at once in the eigenbasis of J Jᵀ or Jᵀ J, whichever is smaller. Where that
    has more than ``DOUBLE_UP_TO`` rows, in single precision, if the rounding of K then changes
    exponents Σ rate·λ by less than ``SINGLE_ERROR``.

    Args:
        train: J at the training rows, (rows, weights), float64 on the CPU, divided so that a step
            in the weights is rate·Jᵀr.
        probes: J at the probe rows, (probe rows, weights).
        residual: at the start of the block, (rows, columns).
        rates: learning rate -> steps taken with it, at least one step.
        flow: take e^(−Σ rate λ) for Π(1 − rate λ), as suits steps that carry momentum.
    """
    if min(train.shape) > DOUBLE_UP_TO:
        narrow = train.float()
        gram = _lower_gram(narrow)
        if _rounding(gram, rates) <= SINGLE_ERROR:
            block = _moved(gram, narrow, probes.float(), residual.float(), rates, flow)
            return Moved(block.residual.double(), block.probes.double(), block.unstable)
    return _moved(_lower_gram(train), train, probes, residual, rates, flow)


def _moved(
    gram: Tensor,
    train: Tensor,
    probes: Tensor,
    residual: Tensor,
    rates: Counter[float],
    flow: bool,
) -> Moved:
    """As :func:`moved`, in the precision of what is given."""
    rows, weights = train.shape
    if rows > weights:
        values, vectors = torch.linalg.eigh(gram, UPLO="L")
        left, elsewhere = train @ vectors, probes @ vectors
        right = left.T
    else:
        across = probes @ train.T
        if not flow and _quick(across, residual, rates) and _stable(gram, rates):
            return _by_squares(gram, across, residual, rates)
        values, vectors = torch.linalg.eigh(gram, UPLO="L")
        left, elsewhere = vectors, across @ vectors
        right = vectors.T
    sums, unstable = _sums(values, rates, flow)
    coefficients = (right @ residual).mul_(sums[:, None])
    outputs = elsewhere @ coefficients
    if rows <= weights:
        coefficients.mul_(values.clamp_min(0)[:, None])
    return Moved(torch.addmm(residual, left, coefficients, alpha=-1), outputs, unstable)


def _lower_gram(matrix: Tensor) -> Tensor:
    """The lower triangle of A Aᵀ or Aᵀ A, the smaller of both, and zeros above.

    Half the work of a general product.
    """
    flat = matrix.numpy() if len(matrix) > matrix.shape[1] else matrix.T.numpy()
    multiply = scipy.linalg.blas.get_blas_funcs("syrk", (flat,))
    return torch.from_numpy(multiply(1.0, flat, trans=True).T)


def _rounding(lower: Tensor, rates: Counter[float]) -> float:
    """How much single precision may change an exponent Σ rate·λ: as K's norm times ε."""
    total = sum(rate * count for rate, count in rates.items())
    return total * float(lower.norm()) * torch.finfo(torch.float32).eps


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
    eigenbasis = _DECOMPOSITION[residual.dtype] + 2 * widths[0] + widths[1] * (1 + widths[0])
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
    small = values <= _ROUNDINGS * torch.finfo(values.dtype).eps * values.max()
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
