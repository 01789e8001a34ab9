"""What a fit returns: frozen values that carry settings, status and uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Estimate(NamedTuple):
    """A number with its 95 % interval; bounds are ``None`` where no seeds could be resampled."""

    value: float
    low: float | None = None
    high: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        """``{"value", "low", "high"}``, the form of ``fit --json``."""
        return self._asdict()


@dataclass(frozen=True)
class Forecast:
    """Prediction at one training-set size: best error and the log norm at which it is reached."""

    size: float
    error: Estimate
    log_norm: Estimate
