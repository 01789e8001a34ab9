"""The largest singular value of an operator, in float64: decomposed, or iterated to 1e-9."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from normlaws.norms.operators import Operator
from normlaws.norms.spectrum.cold import orthonormal, top_ritz
from normlaws.norms.spectrum.threads import one_blas_thread

_SMALL = 64  # smaller side up to which NumPy's calls cost least
_COLD_STARTS = 8


def in_float64(tensor: Tensor) -> Tensor:
    """Float64, on the CPU where the device has none."""
    tensor = tensor.detach()
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def norm(operator: Operator) -> float:
    """The largest singular value of an operator whose weights are float64."""
    core = operator.reduced()
    return gram_norm(core.dense()) if decomposes(operator) else iterated_norm(core)


def decomposes(operator: Operator) -> bool:
    """Whether :func:`norm` rests on a full decomposition, which no start vector enters."""
    core = operator.reduced()
    return core.order <= core.exact_up_to


def iterated_norm(operator: Operator, tolerance: float = 1e-9) -> float:
    """Cold iteration in float64 from several random vectors, far below the wanted error."""
    shape = (operator.groups, min(_COLD_STARTS, operator.inputs), operator.inputs)
    start = np.random.default_rng(0).standard_normal(shape)
    with one_blas_thread():
        found = top_ritz(
            operator,
            orthonormal(start),
            tolerance,
            blocks=5,
            most=1000,
            basis=56,
            largest_only=True,
            trust=1e-7,
        )
    return math.sqrt(found.values.max())


def gram_norm(blocks: Tensor) -> float:
    """By the eigenvalues of the smaller Gram matrices of (groups, m, n), taken in float64.

    Squaring costs accuracy only in the small singular values; the largest keeps all its digits.
    """
    blocks = in_float64(blocks)
    if blocks.shape[1] > blocks.shape[2]:
        blocks = blocks.mT
    if blocks.shape[1] == 1:
        return float(torch.linalg.vector_norm(blocks, dim=2).amax())
    scale = float(blocks.abs().amax()) or 1.0  # squares must neither overflow nor vanish
    blocks = blocks / scale
    return scale * math.sqrt(max(_top(blocks @ blocks.mT), 0.0))


def _top(gram: Tensor) -> float:
    """The largest eigenvalue of (groups, m, m)."""
    if gram.shape[1] <= _SMALL and gram.device.type == "cpu":
        return float(np.linalg.eigvalsh(gram.numpy())[:, -1].max())
    return float(torch.linalg.eigvalsh(gram)[:, -1].amax())
