"""The sums over a flat matrix: rows, squares, absolute values; exact, or one fast float32 pass."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg.blas import sasum
from torch import Tensor

_PIECE = 256  # float32 sums stay this short, then go on in float64
_ADD = 1 << 16
_STRIP = 1 << 18  # entries that stay in a core's cache
_STRIPED_ABOVE = 1 << 21


class Sums(NamedTuple):
    """Sums over one matrix, in linear scale."""

    rows: float  # Σ over rows of the L2 norm, ‖Aᵀ‖_{2,1}
    squares: float  # ‖A‖_F²
    absolute: float  # Σ|a_ij|


def exact_sums(blocks: Tensor) -> Sums:
    """In float64; blocks (groups, m, n)."""
    norms = torch.linalg.vector_norm(blocks, dim=2)
    return Sums(
        float(norms.sum()), float(torch.linalg.vector_norm(norms)) ** 2, float(blocks.abs().sum())
    )


def column_norms(blocks: Tensor) -> Tensor:
    """L2 norms of the columns of the stored (out, in · taps) matrix, as the published code has."""
    stacked = blocks.flatten(0, 1) if len(blocks) > 1 else blocks[0]
    return torch.linalg.vector_norm(stacked, dim=0)


def fast_sums(blocks: Tensor) -> Sums:
    """Float32 weights at the speed of memory, to about 1e-7 relative; blocks (groups, m, n).

    Sums of short pieces are float32, sums of pieces float64: the error does not grow with size.
    Large matrices are read in strips that stay in the cache for both sums.
    """
    _, m, n = blocks.shape
    squares, absolute = [], 0.0
    for part in blocks.split(max(_STRIP // n, 1), dim=1) if m * n > _STRIPED_ABOVE else [blocks]:
        squares.append(_row_squares(part))
        absolute += _absolute(part)
    rows = torch.cat(squares) if len(squares) > 1 else squares[0]
    return Sums(float(rows.sqrt().sum()), float(rows.sum()), absolute)


def _row_squares(blocks: Tensor) -> Tensor:
    """(groups · m,) float64, on the CPU."""
    groups, _, n = blocks.shape
    if blocks.stride(2) != 1 and groups == 1 and blocks.device.type == "cpu":
        return _column_squares(blocks[0].T)
    if n > _PIECE and n % _PIECE == 0:
        blocks = blocks.unflatten(2, (-1, _PIECE))
    if blocks.device.type == "cpu" and blocks.stride(-1) == 1:
        array = blocks.numpy()
        squares = np.matmul(array[..., None, :], array[..., None])[..., 0, 0]
        norms = torch.from_numpy(squares.astype(np.float64))
    else:
        norms = torch.linalg.vector_norm(blocks, dim=-1).cpu().double().square()
    return (norms.sum(-1) if norms.ndim == 3 else norms).flatten()


def _column_squares(stored: Tensor) -> Tensor:
    """Column sums of squares of a row-major matrix without leaving its order in memory."""
    array = stored.numpy()
    total = np.zeros(array.shape[1])
    for start in range(0, len(array), _PIECE):
        piece = array[start : start + _PIECE]
        total += np.einsum("ij,ij->j", piece, piece)
    return torch.from_numpy(total)


def _absolute(blocks: Tensor) -> float:
    if blocks.device.type != "cpu" or blocks.dtype != torch.float32:
        return float(blocks.abs().sum(-1).cpu().double().sum())
    stored = blocks if blocks.is_contiguous() else blocks.mT
    flat = stored.reshape(-1).numpy()
    return float(sum(sasum(flat[at : at + _ADD]) for at in range(0, flat.size, _ADD)))
