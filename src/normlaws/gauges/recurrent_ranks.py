"""Effective ranks of the operators that move the states of a recurrent network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from normlaws.gauges.flow import Flow
from normlaws.gauges.gauge import Gauge
from normlaws.gauges.recurrent_cell import recurrence
from normlaws.gauges.traces import effective_rank


class RecurrentRanks(Gauge):
    """Effective ranks tr(A)²/‖A‖_F² of the recurrent gradient flow (arXiv 2507.06381).

    One step of gradient flow moves the states z_t = F(θ, z_{t−1}, x_t) of a recurrent network by
    −P K P* ∂L/∂z: K = F_θ F_θ* is what the weights reach within one step of time, P = (1 − shifted
    state Jacobian)⁻¹ carries it along the sequence, and P K P* is the tangent kernel of the states.

    * ``log_rank_kernel``: of K.
    * ``log_rank_propagator``: of P P*.
    * ``log_rank_tangent_kernel``: of P K P*.

    All lie between 1 and sequences · time · state size. At a large gain of the recurrent weights it
    is P, not K, that collapses. Exact up to 2000 states, by Hutch++ beyond.

    Args:
        inputs: of the model, for a few sequences.
        layer: name of the recurrent module: ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM`` of one layer and
            one direction, their cells, or any module with ``forward(x_t, z) -> z``; the only one
            of PyTorch's in the model by default.
        products: matrix products of a Hutch++ estimate.
        seed: of its random vectors.
    """

    names = ("rank_kernel", "rank_propagator", "rank_tangent_kernel")

    def __init__(
        self, inputs: Any, *, layer: str | None = None, products: int = 60, seed: int = 0
    ) -> None:
        self._inputs, self._layer = inputs, layer
        self._products, self._seed = products, seed

    @property
    def begun(self) -> bool:
        """Always: the ranks refer to no start."""
        return True

    def measure(self, model: nn.Module, step: int | None = None) -> dict[str, float]:
        """The three ranks at these weights.

        Raises:
            InputError: the model has no such layer, or one of several layers or directions.
        """
        flow = Flow(recurrence(model, self._inputs, self._layer))
        operators = (flow.kernel(), flow.propagator(), flow.tangent_kernel())
        return self._values(*(effective_rank(one, self._products, self._seed) for one in operators))

    def state_dict(self) -> dict[str, Tensor]:
        """Nothing is kept."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Nothing is kept."""
