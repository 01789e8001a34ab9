"""Laws of ε_opt against P that know nothing of norms: what a forecast has to beat.

Each is a function of ln P with parameters, fitted by least squares of ln ε. Adding one means adding
a class with ``name``, ``parameters``, ``starts``, ``bounds`` and ``log_error``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from scipy.optimize import least_squares

from normlaws.laws.runs import Floats

FLOOR = 1e-8  # smallest offset that is considered


class Baseline(Protocol):
    """ln ε of one functional form."""

    name: ClassVar[str]
    parameters: ClassVar[tuple[str, ...]]

    def starts(self, log_p: Floats, log_error: Floats) -> list[list[float]]:
        """Where the search begins; several, the best end wins."""

    def bounds(self, log_p: Floats, log_error: Floats) -> tuple[list[float], list[float]]:
        """Lower and upper limits of the parameters."""

    def log_error(self, theta: Floats, log_p: Floats) -> Floats:
        """The model. (n,)."""


class PurePower:
    """ε = k P^(−γ)."""

    name: ClassVar[str] = "power"
    parameters: ClassVar[tuple[str, ...]] = ("log_k", "gamma")

    def starts(self, log_p: Floats, log_error: Floats) -> list[list[float]]:  # noqa: D102
        slope, constant = np.polyfit(log_p, log_error, 1)
        return [[constant, -slope]]

    def bounds(self, log_p: Floats, log_error: Floats) -> tuple[list[float], list[float]]:  # noqa: D102
        return [-np.inf, -np.inf], [np.inf, np.inf]

    def log_error(self, theta: Floats, log_p: Floats) -> Floats:  # noqa: D102
        return np.asarray(theta[0] - theta[1] * log_p)


class PowerOffset(PurePower):
    """ε = k P^(−γ) + ε∞."""

    name: ClassVar[str] = "power_offset"
    parameters: ClassVar[tuple[str, ...]] = ("log_k", "gamma", "log_offset")

    def starts(self, log_p: Floats, log_error: Floats) -> list[list[float]]:  # noqa: D102
        out = []
        for share in (0.05, 0.5, 0.9):
            offset = share * np.exp(log_error.min())
            rest = np.log(np.exp(log_error) - offset)
            slope, constant = np.polyfit(log_p, rest, 1)
            out.append([constant, -slope, np.log(offset)])
        return out

    def bounds(self, log_p: Floats, log_error: Floats) -> tuple[list[float], list[float]]:  # noqa: D102
        return [-np.inf, 0.0, np.log(FLOOR)], [np.inf, 5.0, float(log_error.min())]

    def log_error(self, theta: Floats, log_p: Floats) -> Floats:  # noqa: D102
        return np.logaddexp(theta[0] - theta[1] * log_p, theta[2])


class M4(PurePower):
    """(ε − ε∞)/(ε0 − ε)^a = β P^(−c), the M4 estimator (Alabdulmohsin et al. 2022, eq. 2)."""

    name: ClassVar[str] = "m4"
    parameters: ClassVar[tuple[str, ...]] = ("log_beta", "c", "log_offset", "log_a", "log_excess")

    def starts(self, log_p: Floats, log_error: Floats) -> list[list[float]]:  # noqa: D102
        slope, constant = np.polyfit(log_p, log_error, 1)
        lowest = float(log_error.min())
        return [
            [constant, -slope, lowest - gap, log_a, excess]
            for gap in (0.2, 2.0)
            for log_a in (-1.0, 0.5)
            for excess in (-1.0, 1.0)
        ]

    def bounds(self, log_p: Floats, log_error: Floats) -> tuple[list[float], list[float]]:  # noqa: D102
        low = [-60.0, 0.0, np.log(FLOOR), -5.0, -5.0]
        return low, [60.0, 5.0, float(log_error.min()), 2.5, 5.0]

    def log_error(self, theta: Floats, log_p: Floats) -> Floats:  # noqa: D102
        log_beta, c, log_offset, log_a, log_excess = theta
        offset, a = np.exp(log_offset), np.exp(log_a)
        top = offset + np.exp(log_excess)  # ε0, the error without data
        right = log_beta - c * log_p
        low, high = np.full_like(log_p, -40.0), np.full_like(log_p, 40.0)
        for _ in range(50):  # bisect z = logit of (ε − ε∞)/(ε0 − ε∞); the left side grows with z
            z = (low + high) / 2
            width = np.log(top - offset)
            left = width - np.logaddexp(0, -z) - a * (width - np.logaddexp(0, z))
            low, high = np.where(left < right, z, low), np.where(left < right, high, z)
        return np.asarray(np.log(offset + (top - offset) / (1 + np.exp(-(low + high) / 2))))


class BrokenPower(PurePower):
    """ε = ε∞ + b P^(−c0) (1 + (P/d)^(1/f))^(−c1 f), one break (Caballero et al. 2023, eq. 1)."""

    name: ClassVar[str] = "broken_power"
    parameters: ClassVar[tuple[str, ...]] = ("log_b", "c0", "c1", "log_d", "log_f", "log_offset")

    def starts(self, log_p: Floats, log_error: Floats) -> list[list[float]]:  # noqa: D102
        slope, constant = np.polyfit(log_p, log_error, 1)
        gaps = (0.3, 3.0)
        return [
            [constant, -slope, c1, float(np.quantile(log_p, q)), -1.0, log_error.min() - gap]
            for q in (0.3, 0.7)
            for c1 in (-0.2, 0.2)
            for gap in gaps
        ]

    def bounds(self, log_p: Floats, log_error: Floats) -> tuple[list[float], list[float]]:  # noqa: D102
        low = [-60.0, 0.0, -5.0, float(log_p.min()), -4.0, np.log(FLOOR)]
        return low, [60.0, 5.0, 5.0, float(log_p.max()), 1.5, float(log_error.min())]

    def log_error(self, theta: Floats, log_p: Floats) -> Floats:  # noqa: D102
        log_b, c0, c1, log_d, log_f, log_offset = theta
        f = np.exp(log_f)
        bend = np.logaddexp(0, (log_p - log_d) / f)
        return np.logaddexp(log_b - c0 * log_p - c1 * f * bend, log_offset)


BASELINES: tuple[Baseline, ...] = (PurePower(), PowerOffset(), M4(), BrokenPower())


@dataclass(frozen=True)
class Fitted:
    """A baseline with its parameters."""

    baseline: Baseline
    theta: Floats
    squares: float
    points: int

    def log_error(self, log_p: Floats) -> Floats:
        """Ln ε at ln P. (n,)."""
        return self.baseline.log_error(self.theta, np.asarray(log_p, dtype=float))

    @property
    def rms(self) -> float:
        """Root mean square residual of ln ε."""
        return float(np.sqrt(self.squares / self.points))

    @property
    def aicc(self) -> float:
        """Akaike's criterion with the small-sample correction; infinite with too few points."""
        n, k = self.points, len(self.theta) + 1
        if n <= k + 1:
            return float("inf")
        return n * np.log(max(self.squares, 1e-12) / n) + 2 * k + 2 * k * (k + 1) / (n - k - 1)


def fit_baseline(baseline: Baseline, log_p: Floats, log_error: Floats) -> Fitted | None:
    """Least squares of ln ε from every start; None with fewer points than parameters."""
    known = np.isfinite(log_error)
    log_p, log_error = log_p[known], log_error[known]
    if len(log_p) < max(len(baseline.parameters), 2):
        return None
    low, high = (np.array(limit) for limit in baseline.bounds(log_p, log_error))

    def residual(theta: Floats) -> Floats:
        return baseline.log_error(theta, log_p) - log_error

    ends = [
        least_squares(
            residual, np.clip(start, low + 1e-6, high - 1e-6), bounds=(low, high), max_nfev=200
        )
        for start in baseline.starts(log_p, log_error)
    ]
    best = min(ends, key=lambda end: end.cost)
    return Fitted(baseline, best.x, float(2 * best.cost), len(log_p))
