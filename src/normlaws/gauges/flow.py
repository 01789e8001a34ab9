"""K, P P* and P K P* of a recurrent trajectory, dense or as products with vectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import jacrev, vmap

from normlaws.gauges.network import Weights, pullback, pushed
from normlaws.gauges.recurrent_cell import Recurrence

DENSE_UP_TO = 2000
"""Sequences times time times states up to which operators are written out."""


@dataclass(frozen=True)
class Operator:
    """A symmetric positive semidefinite operator.

    Attributes:
        size: of its vectors.
        apply: (size, columns) to the same.
        matrix: (size, size), float64, where it was written out.
    """

    size: int
    apply: Callable[[Tensor], Tensor]
    matrix: Tensor | None = None

    @classmethod
    def of(cls, matrix: Tensor) -> Operator:
        """From its matrix."""
        return cls(len(matrix), lambda vectors: matrix @ vectors, matrix)


class Flow:
    """The operators that move the states of a recurrence.

    Vectors over the trajectory are (sequences · time · states), in this order; float64.
    """

    def __init__(self, recurrence: Recurrence) -> None:
        self._step = recurrence.step
        self._weights = {name: value.double().cpu() for name, value in recurrence.weights.items()}
        self._shape = recurrence.states.shape  # (sequences, time, states)
        fed = (recurrence.states, recurrence.inputs)
        self._flat = tuple(part.flatten(0, 1).double().cpu() for part in fed)
        self._dense = recurrence.states.numel() <= DENSE_UP_TO
        each = vmap(jacrev(self._one, argnums=1), in_dims=(None, 0, 0))
        transitions = each(self._weights, *self._flat)
        self._transitions = transitions.view(*self._shape, self._shape[2])

    def kernel(self) -> Operator:
        """K = F_θ F_θ*."""
        if self._dense:
            return Operator.of(self._kernel_matrix())
        return self._operator(self._through_weights)

    def propagator(self) -> Operator:
        """P P*."""
        if self._dense:
            matrix = self.propagation()
            return Operator.of(matrix @ matrix.T)
        return self._operator(lambda vector: self._forward(self._backward(vector)))

    def tangent_kernel(self) -> Operator:
        """P K P*, the tangent kernel J J* of the states."""
        if self._dense:
            matrix = self.propagation()
            return Operator.of(matrix @ self._kernel_matrix() @ matrix.T)
        return self._operator(
            lambda vector: self._forward(self._through_weights(self._backward(vector)))
        )

    def propagation(self) -> Tensor:
        """P, dense: block lower triangular for each sequence."""
        _, time, states = self._shape
        whole = []
        for sequence in self._transitions:
            system = torch.eye(time * states, dtype=torch.float64)
            for t in range(1, time):
                here, before = (slice(s * states, (s + 1) * states) for s in (t, t - 1))
                system[here, before] = -sequence[t]
            unit = torch.eye(len(system), dtype=torch.float64)
            whole.append(torch.linalg.solve_triangular(system, unit, upper=False))
        found: Tensor = torch.block_diag(*whole)
        return found

    def _one(self, weights: Weights, state: Tensor, inputs: Tensor) -> Tensor:
        return self._step(weights, state[None], inputs[None])[0]

    def _kernel_matrix(self) -> Tensor:
        found = vmap(jacrev(self._one), in_dims=(None, 0, 0))(self._weights, *self._flat)
        rows = torch.cat([value.flatten(0, 1).flatten(1) for value in found.values()], dim=1)
        return rows @ rows.T

    def _operator(self, apply: Callable[[Tensor], Tensor]) -> Operator:
        """From a map of trajectories (sequences, time, states)."""

        def columns(vectors: Tensor) -> Tensor:
            found = [apply(vector.view(self._shape)).reshape(-1) for vector in vectors.T]
            return torch.stack(found, dim=1)

        return Operator(math.prod(self._shape), columns)

    def _through_weights(self, vector: Tensor) -> Tensor:
        def function(weights: Weights) -> Tensor:
            return self._step(weights, *self._flat)

        _, pull = pullback(function, self._weights)
        (direction,) = pull(vector.reshape(-1, self._shape[2]))
        _, tangent = pushed(function, self._weights, direction)
        return tangent.view(self._shape)

    def _forward(self, vector: Tensor) -> Tensor:
        """P: each state adds what the one before carries over."""
        moved = [vector[:, 0]]
        for t in range(1, self._shape[1]):
            carried = torch.einsum("bij,bj->bi", self._transitions[:, t], moved[-1])
            moved.append(vector[:, t] + carried)
        return torch.stack(moved, dim=1)

    def _backward(self, vector: Tensor) -> Tensor:
        """P*."""
        moved = [vector[:, -1]]
        for t in range(self._shape[1] - 1, 0, -1):
            carried = torch.einsum("bij,bi->bj", self._transitions[:, t], moved[-1])
            moved.append(vector[:, t - 1] + carried)
        return torch.stack(moved[::-1], dim=1)
