"""Reference values of one flat matrix, block by block, in float64."""

from __future__ import annotations

import torch
from torch import Tensor


def in_float64(matrix: Tensor) -> Tensor:
    """The matrix as float64, on a device that has it."""
    matrix = matrix.detach()
    return (matrix.cpu() if matrix.device.type == "mps" else matrix).double()


def spectral_norm_svd(blocks: Tensor) -> float:
    """‖A‖_σ of the block-diagonal matrix by a full SVD: the largest over blocks (g, m, n)."""
    return float(torch.linalg.svdvals(in_float64(blocks)).amax())


def spectral_norm_gram(blocks: Tensor) -> float:
    """‖A‖_σ by the eigenvalues of the smaller Gram matrix, blocks (g, m, n).

    The largest singular value keeps full precision: squaring costs accuracy only in the small ones.
    """
    blocks = in_float64(blocks)
    if blocks.shape[1] > blocks.shape[2]:
        blocks = blocks.mT
    if blocks.shape[1] == 1:
        return float(torch.linalg.vector_norm(blocks, dim=2).amax())
    scale = float(blocks.abs().amax()) or 1.0  # squares must neither overflow nor vanish
    blocks = blocks / scale
    top = float(torch.linalg.eigvalsh(blocks @ blocks.mT)[:, -1].amax())
    return scale * max(top, 0.0) ** 0.5


def group_21(blocks: Tensor) -> float:
    """‖Aᵀ‖_{2,1}: the sum over rows (output units) of the row's L2 norm, blocks (g, m, n)."""
    return float(torch.linalg.vector_norm(in_float64(blocks), dim=2).sum())


def frobenius(blocks: Tensor) -> float:
    """‖A‖_F."""
    return float(torch.linalg.vector_norm(in_float64(blocks)))


def l1(blocks: Tensor) -> float:
    """Σ |a_ij|."""
    return float(in_float64(blocks).abs().sum())
