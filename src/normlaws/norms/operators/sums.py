"""The sums over a matrix: rows, squares, absolute values; in float64, or one fast float32 pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg.blas import sasum
from torch import Tensor

_PIECE = 4096  # entries that BLAS adds up in float32, in many lanes
_SHORT = 256  # the same where they are added one after the other
_ADD = 1 << 16
_STRIP = 1 << 17  # entries that stay in the cache of a core


class Sums(NamedTuple):
    """Sums over one matrix, in linear scale."""

    rows: float  # Σ over rows of the L2 norm, ‖Aᵀ‖_{2,1}
    squares: float  # ‖A‖_F²
    absolute: float  # Σ|a_ij|


def column_norms(blocks: Tensor) -> Tensor:
    """L2 norms of the columns of the stored (out, in · taps) matrix, as the published code has."""
    stacked = blocks.flatten(0, 1) if len(blocks) > 1 else blocks[0]
    found: Tensor = torch.linalg.vector_norm(stacked, dim=0)
    return found


def flat_sums(blocks: Tensor) -> Sums:
    """Over the rows of (groups, m, n): float64 exactly, float32 to about 1e-7 relative.

    Float32 weights are read at the speed of memory: sums of short pieces are float32, sums of
    pieces float64, so that the error does not grow with size; strips stay in the cache for both.
    """
    if blocks.device.type == "cpu" and blocks.dtype == torch.float64:
        array: NDArray[np.float64] = blocks.numpy()
        squares = np.einsum("gmn,gmn->gm", array, array)
        absolute = float(np.abs(array).sum())
        return Sums(float(np.sqrt(squares).sum()), float(squares.sum()), absolute)
    if blocks.device.type != "cpu" or blocks.dtype != torch.float32:
        norms = torch.linalg.vector_norm(blocks, dim=2).cpu().double()
        absolute = float(blocks.abs().sum(-1).cpu().double().sum())
        return Sums(float(norms.sum()), float(norms.square().sum()), absolute)
    if len(blocks) == 1 and blocks.stride(2) != 1:
        return _strip_sums(blocks[0].T.contiguous().numpy(), _column_squares)
    return _strip_sums(blocks.flatten(0, 1).contiguous().numpy(), _row_squares)


def tap_sums(kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Σ over channels of squares and of sizes, (out, in, *taps) -> (out, taps), float64."""
    flat = kernel.detach().flatten(2)
    if flat.device.type != "cpu":
        return flat.square().sum(1).cpu().double(), flat.abs().sum(1).cpu().double()
    array, ones = flat.contiguous().numpy(), np.ones(flat.shape[1], flat.numpy().dtype)
    strip = max(_STRIP // max(flat[0].numel(), 1), 1)
    work = np.empty((min(strip, len(array)), *array.shape[1:]), array.dtype)
    squares, absolute = [], []
    for at in range(0, len(array), strip):
        piece = array[at : at + strip]
        buffer = work[: len(piece)]
        np.multiply(piece, piece, out=buffer)
        squares.append(np.matmul(ones, buffer))
        np.abs(piece, out=buffer)
        absolute.append(np.matmul(ones, buffer))
    total, size = np.concatenate(squares), np.concatenate(absolute)
    return torch.from_numpy(total).double(), torch.from_numpy(size).double()


Squares = Callable[[NDArray[np.float32]], NDArray[np.float64]]


def _strip_sums(array: NDArray[np.float32], squares_of: Squares) -> Sums:
    """Of (rows, entries) in memory order; ``squares_of`` a strip (outputs,) or (1, outputs)."""
    strip = max(_STRIP // array.shape[1], 1)
    squares, absolute = [], 0.0
    for at in range(0, len(array), strip):
        piece = array[at : at + strip]
        squares.append(squares_of(piece))
        flat = piece.reshape(-1)
        absolute += sum(float(sasum(flat[i : i + _ADD])) for i in range(0, flat.size, _ADD))
    total = np.concatenate(squares)
    if total.ndim == 2:  # one part per piece
        total = total.sum(0)
    return Sums(float(np.sqrt(total).sum()), float(total.sum()), absolute)


def _row_squares(piece: NDArray[np.float32]) -> NDArray[np.float64]:
    """(rows,)."""
    n = piece.shape[1]
    if n > _PIECE and n % _PIECE == 0:
        piece = piece.reshape(len(piece), -1, _PIECE)
    with np.errstate(over="ignore", invalid="ignore"):  # the meter looks at what comes out
        squares = np.matmul(piece[..., None, :], piece[..., None])[..., 0, 0].astype(np.float64)
    found: NDArray[np.float64] = squares.sum(-1) if squares.ndim == 2 else squares
    return found


def _column_squares(piece: NDArray[np.float32]) -> NDArray[np.float64]:
    """(pieces, columns)."""
    starts = range(0, len(piece), _SHORT)
    parts = (piece[at : at + _SHORT] for at in starts)
    return np.stack([np.einsum("ij,ij->j", part, part) for part in parts]).astype(np.float64)
