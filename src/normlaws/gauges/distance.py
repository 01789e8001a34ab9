"""Distance of the weights from where they started."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from normlaws.gauges.gauge import Gauge
from normlaws.norms.definitions.distance import Start


class Distance(Gauge):
    """How far the weight matrices have moved since the first measurement.

    * ``log_distance``: ln √(Σ_l ‖A_l − A_l(0)‖_F²).
    * ``log_distance_21``: ln Σ_l ‖(A_l − A_l(0))ᵀ‖_{2,1}.

    Both over the matrices that the norms count, convolutions flat. Unlike the norm of the weights
    the distance also moves in the kernel regime, where weights stay near their start. −inf there.
    """

    names = ("distance", "distance_21")

    def __init__(self) -> None:
        self._start: Start | None = None
        self._saved: dict[str, Tensor] = {}

    @property
    def begun(self) -> bool:
        """Whether the start was seen."""
        return self._start is not None or bool(self._saved)

    def measure(self, model: nn.Module, step: int | None = None) -> dict[str, float]:
        """Distance from the start, which is now if this is the first measurement."""
        if self._start is None:
            self._start = Start(model)
            if self._saved:
                self._start.load_state_dict(self._saved)
        return self._values(*self._start.distances(model))

    def state_dict(self) -> dict[str, Tensor]:
        """The weight matrices at the start."""
        return dict(self._saved) if self._start is None else self._start.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from the start of an earlier process."""
        self._start, self._saved = None, dict(state)
