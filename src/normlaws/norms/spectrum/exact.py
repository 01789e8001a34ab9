"""The largest singular value of an operator, in float64: decomposed, or iterated to 1e-9."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from normlaws.errors import NormlawsWarning
from normlaws.norms.operators import Operator
from normlaws.norms.spectrum.cold import orthonormal, top_ritz
from normlaws.norms.spectrum.threads import one_blas_thread

_SMALL = 64  # smaller side up to which NumPy's calls cost least
_COLD_STARTS = 8
_WRITTEN_OUT = 1 << 25  # numbers of an operator that is decomposed where an iteration does not end


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


def iterated_norm(operator: Operator, tolerance: float = 1e-9, most: int = 1000) -> float:
    """Cold iteration in float64 from several random vectors, far below the wanted error.

    Where the bound is not reached, the operator is decomposed if it can be written out.

    Args:
        operator: whose weights are float64.
        tolerance: wanted bound on the relative error.
        most: vectors after which the iteration stops.

    Warns:
        NormlawsWarning: neither is possible; the value is an estimate from below.
    """
    shape = (operator.groups, min(_COLD_STARTS, operator.inputs), operator.inputs)
    start = np.random.default_rng(0).standard_normal(shape)
    with one_blas_thread():
        found = top_ritz(
            operator,
            orthonormal(start),
            tolerance,
            blocks=5,
            most=most,
            basis=56,
            largest_only=True,
            trust=1e-7,
        )
    bound = float(found.errors[found.values.argmax()])
    if bound > tolerance:
        if operator.groups * operator.inputs * operator.outputs <= _WRITTEN_OUT:
            return gram_norm(operator.dense())
        warnings.warn(
            f"a spectral norm is an estimate from below: its bound is {bound:.0e} after {most} "
            f"vectors, where {tolerance:.0e} was wanted",
            NormlawsWarning,
            stacklevel=4,
        )
    return math.sqrt(found.values.max())


def gram_norm(blocks: Tensor) -> float:
    """By the eigenvalues of the smaller Gram matrices of (groups, m, n), taken in float64.

    Squaring costs accuracy only in the small singular values; the largest keeps all its digits.
    """
    blocks = in_float64(blocks)
    if blocks.shape[1] > blocks.shape[2]:
        blocks = blocks.mT
    if blocks.device.type == "cpu" and blocks.shape[1] <= _SMALL:
        return _small_norm(blocks.numpy())
    scale = float(blocks.abs().amax()) or 1.0  # squares must neither overflow nor vanish
    blocks = blocks / scale
    return scale * math.sqrt(max(float(torch.linalg.eigvalsh(blocks @ blocks.mT).amax()), 0.0))


def _small_norm(wide: NDArray[np.float64]) -> float:
    """The same by NumPy, whose calls cost least."""
    scale = float(np.abs(wide).max()) or 1.0
    wide = wide / scale
    if wide.shape[1] == 1:
        return scale * math.sqrt(np.einsum("gmn,gmn->g", wide, wide).max())
    top = np.linalg.eigvalsh(np.matmul(wide, wide.swapaxes(1, 2)))[:, -1].max()
    return scale * math.sqrt(max(float(top), 0.0))
