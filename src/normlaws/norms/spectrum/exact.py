"""‖A‖_σ of one layer: exact in float64, or by an iteration on any device."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from normlaws.norms.operators.convolution import Convolution
from normlaws.norms.spectrum.cold import Gram, Mask, Vectors, orthonormal, top_ritz
from normlaws.norms.spectrum.threads import one_blas_thread

_EXACT_UP_TO = 2048  # smaller side of a matrix whose Gram matrix is diagonalised by `measure`
_EXPLICIT_UP_TO = 256  # inputs of a convolution that is written out as a matrix
_COLD_STARTS = 8


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
    with one_blas_thread():
        return iterated_norm(conv_gram(blocks, conv), conv.groups, inputs // conv.groups)


def diagonalises(blocks: Tensor, conv: Convolution | None) -> bool:
    """Whether the norms here rest on a full decomposition, which no start vector enters."""
    if conv is None:
        return min(blocks.shape[1:]) <= _EXACT_UP_TO
    return int(np.prod(conv.input_shape)) <= _EXPLICIT_UP_TO


def iterated_norm(gram: Gram, problems: int, n: int, tolerance: float = 1e-9) -> float:
    """Cold iteration in float64 from several random vectors, far below the wanted error."""
    start = np.random.default_rng(0).standard_normal((problems, _COLD_STARTS, n))
    found = top_ritz(
        gram,
        orthonormal(start),
        tolerance,
        blocks=5,
        most=1000,
        basis=56,
        largest_only=True,
        trust=1e-7,
    )
    return float(found.values.max()) ** 0.5


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
    if len(blocks) == 1:
        return matrices_gram([blocks[0]])
    wide = blocks if blocks.shape[1] <= blocks.shape[2] else blocks.mT
    return _through_numpy(lambda x, _: torch.bmm(torch.bmm(x, wide), wide.mT), blocks)


def matrices_gram(matrices: list[Tensor]) -> Gram:
    """x ↦ A Aᵀ x for matrices of one shape, each where it is, x (matrices, vectors, m).

    One vector at a time: BLAS multiplies a few vectors more slowly than each of them alone.
    """
    wide = [matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T for matrix in matrices]
    if wide[0].device.type == "cpu":
        return _numpy_gram([matrix.numpy() for matrix in wide])

    def act(x: Tensor, wanted: Mask) -> Tensor:
        out = torch.zeros_like(x)
        for index in np.flatnonzero(wanted):
            out[index] = torch.mm(torch.mm(x[index], wide[index]), wide[index].T)
        return out

    return _through_numpy(act, wide[0])


def _numpy_gram(wide: list[NDArray[np.floating]]) -> Gram:
    def act(x: Vectors, wanted: Mask) -> Vectors:
        out = np.zeros_like(x)
        for index in np.flatnonzero(wanted):
            matrix = wide[index]
            for vector, image in zip(x[index], out[index], strict=True):
                np.matmul(matrix, np.matmul(vector, matrix), out=image)
        return out

    return act


def conv_gram(blocks: Tensor, conv: Convolution) -> Gram:
    """x ↦ Aᵀ A x on feature maps, x (groups, vectors, channels/groups · pixels)."""
    gram = conv.gram(blocks)

    def act(x: Tensor, wanted: Mask) -> Tensor:
        groups, vectors, _ = x.shape
        maps = x.transpose(0, 1).reshape(vectors, *conv.input_shape)
        return gram(maps).reshape(vectors, groups, -1).transpose(0, 1)

    return _through_numpy(act, blocks)


def _through_numpy(act: Callable[[Tensor, Mask], Tensor], like: Tensor) -> Gram:
    """The small vectors live in NumPy, the products on the weights' device."""
    if like.device.type == "cpu":
        return lambda x, wanted: act(torch.from_numpy(x), wanted).numpy()
    return lambda x, wanted: act(torch.from_numpy(x).to(like.device), wanted).cpu().numpy()
