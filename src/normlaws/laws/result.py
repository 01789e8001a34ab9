"""What a fit returns: frozen values that carry settings, status and uncertainty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from normlaws.display.columns import columns
from normlaws.display.numbers import count, interval, power, significant
from normlaws.errors import allowed


class Estimate(NamedTuple):
    """A number with its 95 % interval; bounds are ``None`` where no seeds could be resampled."""

    value: float
    low: float | None = None
    high: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        """``{"value", "low", "high"}``, the form of ``fit --json``."""
        return self._asdict()

    def __str__(self) -> str:
        """``0.443 (95 %: 0.320 to 0.561)``."""
        value = significant(self.value) if isfinite(self.value) else str(self.value)
        return value if self.low is None else f"{value} (95 %: {interval(self, significant)})"


@dataclass(frozen=True)
class Forecast:
    """Prediction at one training-set size: lowest error and the log norm at which it is reached.

    Attributes:
        size: P of the new run.
        error: its lowest error.
        log_norm: natural logarithm of the norm there; NaN of a law without norms.
        bounded_by: None where a law gives the error. Else the law lies above what the runs of this
            size, still improving or unfinished, have reached: the error is theirs, an upper bound.
    """

    size: float
    error: Estimate
    log_norm: Estimate
    bounded_by: float | None = None

    def error_text(self) -> str:
        """The error with three digits; ``"≤ "`` stands before a bound."""
        value = significant(self.error.value)
        return value if self.bounded_by is None else f"≤\u00a0{value}"

    def as_dict(self) -> dict[str, Any]:
        """``{"size", "error", "log_norm", "bounded_by"}``, the form of ``forecast --json``."""
        return {
            "size": self.size,
            "error": self.error.as_dict(),
            "log_norm": self.log_norm.as_dict(),
            "bounded_by": self.bounded_by,
        }


def bounds_text(found: Iterable[Forecast], size_name: str = "P") -> str:
    """What ``≤`` means among forecasts, with the sizes that bound them; empty without one."""
    sizes = sorted({one.bounded_by for one in found if one.bounded_by is not None})
    if not sizes:
        return ""
    named = allowed(map(count, sizes)).replace(" or ", " and ")
    reached = f"runs of {size_name} = {named}, not yet at their optimum, have reached"
    return f"≤: the law lies above what {reached}."


class Forecasts(list[Forecast]):
    """Forecasts in the order of the sizes asked for; printed, they are a table."""

    def __str__(self) -> str:
        rows = [
            (
                count(one.size),
                one.error_text(),
                interval(one.error, significant),
                power(one.log_norm.value),
                interval(one.log_norm, power),
            )
            for one in self
        ]
        header = ("P", "error", "95 %", "stopping norm", "95 %")
        lines = columns(header, rows, right=(0, 1, 3))
        return "\n".join([*lines, *filter(None, [bounds_text(self)])])


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


Grade = Literal["established", "contradicted", "undecided"]


@dataclass(frozen=True)
class Finding:
    """One question put to the curves.

    Attributes:
        name: ``common_early_curve``, ``power_law``, ``collapse``, ``late_law``,
            ``no_dependence_on_size`` or ``laws_meet``.
        question: what is asked, in words.
        figure: the number that answers it, unchanged under λ → λ^a, with its 95 % interval.
        figure_means: what the number is.
        established: the whole interval must lie within these bounds.
        contradicted: or wholly beyond these.
        grade: ``established``, ``contradicted`` or ``undecided``.
        power: chance that a study with intervals as wide as these would have established it where
            it is true; None without intervals.
        says: the answer as a sentence.
        next_step: what would settle it; empty where it is settled.
        unsettled: whether it stays undecided however narrow its interval, since what it is read
            from is in doubt.
    """

    name: str
    question: str
    figure: Estimate
    figure_means: str
    established: tuple[float, float]
    contradicted: tuple[float, float]
    grade: Grade
    power: float | None
    says: str
    next_step: str = ""
    unsettled: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The form of ``fit --json``."""
        return {
            "name": self.name,
            "grade": self.grade,
            "figure": self.figure.as_dict(),
            "means": self.figure_means,
            "established": [_finite(bound) for bound in self.established],
            "contradicted": [_finite(bound) for bound in self.contradicted],
            "power": self.power,
            "says": self.says,
        }


def _finite(bound: float) -> float | None:
    return bound if np.isfinite(bound) else None


@dataclass(frozen=True)
class Verdict:
    """What the data say: in words, a grade, findings, codes, and what to run next.

    ``grade`` is that of the two laws together: *established* only where every finding is,
    *contradicted* where one is, else *undecided*.
    """

    text: str
    codes: tuple[str, ...]
    next_steps: tuple[str, ...] = ()
    grade: Grade = "undecided"
    findings: tuple[Finding, ...] = ()

    def __str__(self) -> str:
        return self.text
