"""Independent references: matrices written out by unit vectors, formulas taken literally."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn


def explicit(module: nn.Module, shape: tuple[int, ...]) -> torch.Tensor:
    """The matrix (outputs, inputs) of an affine module on inputs of ``shape``, float64."""
    module = copy.deepcopy(module).double().eval()
    unit = torch.eye(math.prod(shape), dtype=torch.float64).reshape(-1, *shape)
    with torch.no_grad():
        zero = module(torch.zeros(1, *shape, dtype=torch.float64))
        return (module(unit) - zero).flatten(1).T


def largest_singular_value(matrix: torch.Tensor) -> float:
    return float(torch.linalg.svdvals(matrix.detach().double())[0])


def rows_21(matrix: torch.Tensor) -> float:
    return float(matrix.detach().double().square().sum(1).sqrt().sum())


def spectral_complexity(matrices: list[torch.Tensor], start: list[torch.Tensor] | None = None):
    """Equation 1.2 of Bartlett et al. 2017 in linear scale."""
    start = start or [torch.zeros_like(matrix) for matrix in matrices]
    sigma = [largest_singular_value(matrix) for matrix in matrices]
    terms = [
        (rows_21(matrix - origin) / value) ** (2 / 3)
        for matrix, origin, value in zip(matrices, start, sigma, strict=True)
    ]
    return math.prod(sigma) * sum(terms) ** 1.5


def parameters_of(model: nn.Module) -> list[torch.Tensor]:
    return list({id(parameter): parameter for parameter in model.parameters()}.values())
