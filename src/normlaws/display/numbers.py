"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

NONE = "–"
_UNITS = {"error": "fraction", "loss": "nats"}
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Interval(Protocol):
    """Anything with the two bounds of an interval; ``None`` where there are none."""

    @property
    def low(self) -> float | None:
        """The lower bound."""

    @property
    def high(self) -> float | None:
        """The upper bound."""


def fixed(value: float | None) -> str:
    """Three decimals, with a true minus sign: the form of exponents."""
    return NONE if _missing(value) else f"{value:z.3f}".replace("-", "−")


def significant(value: float | None, digits: int = 3) -> str:
    """A few significant digits: the form of errors and losses."""
    if value is None or _missing(value):
        return NONE
    if value == 0 or not 1e-3 <= abs(value) < 1e5:
        return "0" if value == 0 else f"{'−' if value < 0 else ''}{power(math.log(abs(value)))}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}".replace("-", "−")


def power(log_value: float | None, digits: int = 3) -> str:
    """A positive number from its natural logarithm, however large: ``"3.2×10⁵¹"``."""
    if log_value is None or _missing(log_value):
        return "0" if log_value == -math.inf else NONE
    log10 = log_value / math.log(10)
    if -3 <= log10 < 5:
        return significant(math.exp(log_value), digits)
    exponent = math.floor(log10)
    mantissa = f"{10 ** (log10 - exponent):.{digits - 1}f}"
    if mantissa.startswith("10"):  # 9.999 was rounded up
        mantissa, exponent = f"{1:.{digits - 1}f}", exponent + 1
    return f"{mantissa}×{raised(exponent)}"


def unit_of(metric: str) -> str:
    """What a metric of curves is measured in."""
    for ending, unit in _UNITS.items():
        if metric.endswith(ending):
            return unit
    return "distance from the best value"


def with_unit(value: float, metric: str) -> str:
    """``"2.0 %"`` of an error, ``"1.35 nats"`` of a loss, ``"0.182"`` of any other metric."""
    unit = unit_of(metric)
    if unit == "fraction":
        hundredths = 100 * value
        return f"{significant(hundredths, 3 if hundredths >= 10 else 2)}\u00a0%"
    return f"{significant(value)}\u00a0nats" if unit == "nats" else significant(value)


def percent(share: float, decimals: int = 0) -> str:
    """A share of a whole: ``"18 %"``."""
    return f"{100 * share:.{decimals}f}\u00a0%"


def raised(exponent: int) -> str:
    """A power of ten: ``"10⁵¹"``."""
    return f"10{str(exponent).translate(_RAISED)}"


def count(value: float | None) -> str:
    """A whole number with thousands separated."""
    if value is None or _missing(value):
        return NONE
    return f"{value:,.0f}" if abs(value) < 1e12 else power(math.log(value))


def counted(number: int, word: str) -> str:
    """``"1 run"``, ``"3 runs"``."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def size_needed(value: float | None) -> str:
    """A size that an error needs, to three digits: ``"1,080,000"``, or that no size reaches it."""
    if value is None or _missing(value):
        return "out of reach" if value == math.inf else NONE
    return count(float(f"{value:.3g}"))


def interval(estimate: Interval, write: Callable[[float | None], str] = fixed) -> str:
    """The 95 % interval, or a dash where none could be had."""
    if estimate.low is None or estimate.high is None:
        return NONE
    return f"{write(estimate.low)} to {write(estimate.high)}"


def _missing(value: float | None) -> bool:
    return value is None or not math.isfinite(value)
