"""Effective rank of a symmetric positive semidefinite operator."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from normlaws.gauges.flow import Operator


def effective_rank(operator: Operator, products: int, seed: int) -> float:
    """tr(A)² / ‖A‖_F²: exact where the matrix is there, else by :func:`hutch_plus_plus`."""
    if operator.matrix is not None:
        trace, squares = operator.matrix.trace(), operator.matrix.square().sum()
        return float(trace**2 / squares)
    trace_of = hutch_plus_plus(operator.apply, operator.size, products, seed)
    squares_of = hutch_plus_plus(
        lambda vectors: operator.apply(operator.apply(vectors)), operator.size, products, seed
    )
    return trace_of**2 / squares_of


def hutch_plus_plus(
    apply: Callable[[Tensor], Tensor], size: int, products: int, seed: int
) -> float:
    """Trace of A from so many products (Meyer, Musco, Musco & Woodruff 2021, algorithm 1).

    A third of them finds the leading directions Q, a third gives tr(QᵀAQ) exactly, a third
    estimates the trace of what is left by random signs.
    """
    third = max(products // 3, 1)
    generator = torch.Generator().manual_seed(seed)
    signs = torch.randint(0, 2, (size, 2 * third), generator=generator).double() * 2 - 1
    basis, _ = torch.linalg.qr(apply(signs[:, :third]))
    rest = signs[:, third:]
    rest = rest - basis @ (basis.T @ rest)
    exact = (basis * apply(basis)).sum()
    return float(exact + (rest * apply(rest)).sum() / third)
