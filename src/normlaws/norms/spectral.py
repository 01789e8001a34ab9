"""‖A‖_σ of one layer: exact in float64, or by a certified iteration on any device."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from normlaws.norms.geometry import Convolution
from normlaws.norms.krylov import Gram, top_ritz

_EXACT_UP_TO = 2048  # smaller side of a matrix whose Gram matrix is diagonalised by `measure`
_EXPLICIT_UP_TO = 256  # inputs of a convolution that is written out as a matrix
_COLD_STARTS = 4


def in_float64(tensor: Tensor) -> Tensor:
    """Float64, on the CPU where the device has none."""
    tensor = tensor.detach()
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def flat_norm(blocks: Tensor) -> float:
    """Largest singular value of a block-diagonal matrix with blocks (groups, m, n), float64."""
    if min(blocks.shape[1:]) <= _EXACT_UP_TO:
        return gram_norm(blocks)
    blocks = in_float64(blocks)
    return iterated_norm(flat_gram(blocks), blocks.shape[0], min(blocks.shape[1:]))


def operator_norm(blocks: Tensor, conv: Convolution) -> float:
    """Largest singular value of the true linear map of a convolution, float64."""
    blocks = in_float64(blocks)
    inputs = int(np.prod(conv.input_shape))
    if inputs <= _EXPLICIT_UP_TO:
        return gram_norm(explicit_matrix(conv.map(conv.kernel(blocks)), conv.input_shape)[None])
    return iterated_norm(conv_gram(blocks, conv), conv.groups, inputs // conv.groups)


def iterated_norm(gram: Gram, problems: int, n: int, tolerance: float = 1e-9) -> float:
    """Cold iteration in float64 from several random vectors, far below the wanted error."""
    start = np.random.default_rng(0).standard_normal((problems, _COLD_STARTS, n))
    return top_ritz(gram, start, tolerance, least=30, most=1000, basis=40).value ** 0.5


def svd_norm(blocks: Tensor) -> float:
    """The reference: the largest of all singular values."""
    return float(torch.linalg.svdvals(in_float64(blocks)).amax())


def gram_norm(blocks: Tensor) -> float:
    """By the eigenvalues of the smaller Gram matrix.

    Squaring costs accuracy only in the small singular values; the largest keeps all its digits.
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


def explicit_matrix(act: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> Tensor:
    """The matrix (outputs, inputs) of a linear map, by pushing unit vectors through it, float64."""
    unit = torch.eye(int(np.prod(shape)), dtype=torch.float64)
    return act(unit.reshape(-1, *shape)).flatten(1).T


def flat_gram(blocks: Tensor) -> Gram:
    """x ↦ A Aᵀ x on the smaller side of (groups, m, n), x (groups, vectors, m)."""
    wide = blocks if blocks.shape[1] <= blocks.shape[2] else blocks.mT
    if len(wide) > 1:
        return _through_numpy(lambda x: torch.bmm(torch.bmm(x, wide), wide.mT), blocks)
    matrix, adjoint = wide[0], wide[0].T

    def act(x: Tensor) -> Tensor:
        if x.shape[1] == 1:
            return torch.mv(matrix, torch.mv(adjoint, x[0, 0]))[None, None]
        return torch.mm(torch.mm(x[0], matrix), adjoint)[None]

    return _through_numpy(act, blocks)


def conv_gram(blocks: Tensor, conv: Convolution) -> Gram:
    """x ↦ Aᵀ A x on feature maps, x (groups, vectors, channels/groups · pixels)."""
    gram = conv.gram(blocks)

    def act(x: Tensor) -> Tensor:
        groups, vectors, _ = x.shape
        maps = x.transpose(0, 1).reshape(vectors, *conv.input_shape)
        return gram(maps)[1].reshape(vectors, groups, -1).transpose(0, 1)

    return _through_numpy(act, blocks)


def _through_numpy(act: Callable[[Tensor], Tensor], like: Tensor) -> Gram:
    """The small vectors live in NumPy, the products on the weights' device."""
    if like.device.type == "cpu":
        return lambda x: act(torch.from_numpy(x)).numpy()
    return lambda x: act(torch.from_numpy(x).to(like.device, like.dtype)).cpu().numpy()
