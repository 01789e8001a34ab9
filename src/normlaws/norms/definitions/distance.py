"""Distance of the weight matrices from a start (Bartlett et al. 2017, reference matrices)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from normlaws.errors import InputError
from normlaws.norms.model.layers import inventory
from normlaws.norms.model.reading import evaluation_mode


class Distances(NamedTuple):
    """In linear scale, float64."""

    frobenius: float  # √(Σ_l ‖A_l − A_l(0)‖_F²)
    group_21: float  # Σ_l ‖(A_l − A_l(0))ᵀ‖_{2,1}: sums of the L2 norms of the rows


class Start:
    """The flat weight matrices of a model at one moment, kept.

    Args:
        model: whose matrices are copied.

    Raises:
        InputError: the model holds no weight matrix.
    """

    def __init__(self, model: nn.Module) -> None:
        self._matrices = {name: matrix.clone() for name, matrix in _matrices(model).items()}

    def distances(self, model: nn.Module) -> Distances:
        """How far the matrices of ``model`` are from the kept ones.

        Raises:
            InputError: the model has other matrices.
        """
        squares, groups = 0.0, 0.0
        now = _matrices(model)
        _check(set(now), set(self._matrices))
        for name, matrix in now.items():
            moved = matrix.double() - self._matrices[name].to(matrix.device).double()
            rows = torch.linalg.vector_norm(moved, dim=-1)
            squares += float(rows.square().sum())
            groups += float(rows.sum())
        return Distances(math.sqrt(squares), groups)

    def state_dict(self) -> dict[str, Tensor]:
        """The matrices by the name of their layer."""
        return dict(self._matrices)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take the matrices of a saved state in place of its own.

        Raises:
            InputError: they are those of another model.
        """
        _check(set(state), set(self._matrices))
        for name, matrix in self._matrices.items():
            if state[name].shape != matrix.shape:
                raise InputError(
                    f"expected the start of {name} of shape {tuple(matrix.shape)}, got "
                    f"{tuple(state[name].shape)}"
                )
        self._matrices = {name: state[name].detach().clone() for name in self._matrices}


def log(value: float) -> float:
    """Natural logarithm; −inf of zero, NaN of what is negative or not finite."""
    if value == 0:
        return -math.inf
    return math.log(value) if 0 < value < math.inf else math.nan


def _matrices(model: nn.Module) -> dict[str, Tensor]:
    """(groups, rows, columns) of every layer, as the model would use it in evaluation mode."""
    layers = inventory(model).layers
    with torch.no_grad(), evaluation_mode(model):
        return {layer.name: layer.read().detach() for layer in layers}


def _check(found: set[str], expected: set[str]) -> None:
    if found != expected:
        raise InputError(
            f"expected the weight matrices {sorted(expected)[:4]}, got {sorted(found)[:4]}"
        )
