"""What a fit returns: frozen values that carry settings, status and uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


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

    def as_dict(self) -> dict[str, Any]:
        """``{"size", "error", "log_norm"}``, the form of ``forecast --json``."""
        return {
            "size": self.size,
            "error": self.error.as_dict(),
            "log_norm": self.log_norm.as_dict(),
        }


@dataclass(frozen=True)
class PowerLaw:
    """``ln y = log_prefactor + exponent · x``, with ``x`` a natural logarithm.

    The exponent carries its sign: the direct law has ``exponent = −γ`` against ln P, the early law
    ``−γ1`` against the log norm, the late law ``+γ2`` against ln P.
    """

    log_prefactor: float
    exponent: float

    def log(self, x: ArrayLike) -> NDArray[np.float64]:
        """The ln y at ``x`` (a natural logarithm)."""
        return np.asarray(self.log_prefactor + self.exponent * np.asarray(x, dtype=float))

    def __call__(self, x: ArrayLike) -> NDArray[np.float64]:
        """The value y at ``x`` (a natural logarithm)."""
        return np.asarray(np.exp(self.log(x)))


@dataclass(frozen=True)
class Verdict:
    """What the data say, in words, in codes, and what to run next."""

    text: str
    codes: tuple[str, ...]
    next_steps: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text
