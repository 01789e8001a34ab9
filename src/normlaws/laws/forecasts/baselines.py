"""Laws of ε_opt against P that know nothing of norms: what a forecast has to beat.

Each is a function of ln P with parameters, fitted by least squares of ln ε. Adding one means adding
a subclass of ``Baseline`` to ``BASELINES``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.estimators.least_squares import (
    Normal,
    Rows,
    Search,
    Solution,
    least_squares,
    one_line,
)

FLOOR = np.log(1e-8)  # smallest offset that is considered
SEARCH = Search(steps=60, longest=1.0, fall=4.0)
NUDGE = 1e-6
FAR, STEPS = 40.0, 8  # of Newton's method for M4: bounds of z, and steps to rounding


class Baseline:
    """ln ε of one functional form; parameters come in batches of S, one for each start."""

    name: ClassVar[str]
    parameters: ClassVar[tuple[str, ...]]

    def starts(self, log_p: Floats, log_error: Floats) -> Floats:
        """Where the search begins; several, the best end wins. (S, q)."""
        raise NotImplementedError

    def bounds(self, log_p: Floats, log_error: Floats) -> tuple[list[float], list[float]]:
        """Lower and upper limits of the parameters. (q,) each."""
        raise NotImplementedError

    def log_error(self, theta: Floats, log_p: Floats) -> Floats:
        """The model. (S, q), (n,) -> (S, n)."""
        raise NotImplementedError


class PurePower(Baseline):
    """ε = k P^(−γ)."""

    name = "power"
    parameters = ("log_k", "gamma")

    def starts(self, log_p: Floats, log_error: Floats) -> Floats:
        """The straight line, which is the answer."""
        constant, gamma = _line(log_p, log_error)
        return np.array([[constant, gamma]])

    def bounds(self, log_p: Floats, log_error: Floats) -> tuple[list[float], list[float]]:
        """None."""
        return [-np.inf, -np.inf], [np.inf, np.inf]

    def log_error(self, theta: Floats, log_p: Floats) -> Floats:
        """A straight line. (S, 2), (n,) -> (S, n)."""
        return np.asarray(theta[:, :1] - theta[:, 1:] * log_p)


class PowerOffset(Baseline):
    """ε = k P^(−γ) + ε∞."""

    name = "power_offset"
    parameters = ("log_k", "gamma", "log_offset")

    def starts(self, log_p: Floats, log_error: Floats) -> Floats:
        """Offsets from small to nearly all of the lowest error."""
        lowest = float(log_error.min())
        offsets = [lowest + np.log(share) for share in (0.05, 0.5, 0.9)]
        return np.array(
            [
                [*_line(log_p, np.log(np.exp(log_error) - np.exp(offset))), offset]
                for offset in offsets
            ]
        )

    def bounds(self, log_p: Floats, log_error: Floats) -> tuple[list[float], list[float]]:
        """γ in [0, 5], the offset below the lowest error."""
        return [-np.inf, 0.0, FLOOR], [np.inf, 5.0, float(log_error.min())]

    def log_error(self, theta: Floats, log_p: Floats) -> Floats:
        """(S, 3), (n,) -> (S, n)."""
        return np.logaddexp(theta[:, :1] - theta[:, 1:2] * log_p, theta[:, 2:])


class M4(Baseline):
    """(ε − ε∞)/(ε0 − ε)^a = β P^(−c), the M4 estimator (Alabdulmohsin et al. 2022, eq. 2)."""

    name = "m4"
    parameters = ("log_beta", "c", "log_offset", "log_a", "log_excess")

    def starts(self, log_p: Floats, log_error: Floats) -> Floats:
        """Small and large offsets, soft and hard bends, ε0 near and far."""
        constant, gamma = _line(log_p, log_error)
        lowest = float(log_error.min())
        return np.array(
            [
                [constant, gamma, lowest - gap, log_a, excess]
                for gap in (0.2, 2.0)
                for log_a in (-1.0, 0.5)
                for excess in (-1.0, 1.0)
            ]
        )

    def bounds(self, log_p: Floats, log_error: Floats) -> tuple[list[float], list[float]]:
        """Wide; the offset below the lowest error."""
        low = [-60.0, 0.0, FLOOR, -5.0, -5.0]
        return low, [60.0, 5.0, float(log_error.min()), 2.5, 5.0]

    def log_error(self, theta: Floats, log_p: Floats) -> Floats:
        """Solved for z = logit((ε − ε∞)/(ε0 − ε∞)) by Newton's method. (S, n).

        The equation is z − (1 − a) ln(1 + e^z) = ``target``, whose left side grows, with a slope
        between 1 and a, and bends to one side only.
        """
        log_beta, c, log_offset, log_a, log_excess = np.moveaxis(theta[..., None], 1, 0)
        a = np.exp(log_a)
        target = log_beta - c * log_p - (1 - a) * log_excess
        z = np.clip(np.where(target < 0, target, target / a), -FAR, FAR)
        for _ in range(STEPS):
            missed = z - (1 - a) * np.logaddexp(0, z) - target
            z = np.clip(z - missed / (1 - (1 - a) / (1 + np.exp(-z))), -FAR, FAR)
        return np.asarray(np.log(np.exp(log_offset) + np.exp(log_excess) / (1 + np.exp(-z))))


class BrokenPower(Baseline):
    """ε = ε∞ + b P^(−c0) (1 + (P/d)^(1/f))^(−c1 f), one break (Caballero et al. 2023, eq. 1)."""

    name = "broken_power"
    parameters = ("log_b", "c0", "c1", "log_d", "log_f", "log_offset")

    def starts(self, log_p: Floats, log_error: Floats) -> Floats:
        """Breaks early and late, up and down, small and large offsets."""
        constant, gamma = _line(log_p, log_error)
        lowest = float(log_error.min())
        return np.array(
            [
                [constant, gamma, c1, float(np.quantile(log_p, q)), -1.0, lowest - gap]
                for q in (0.3, 0.7)
                for c1 in (-0.2, 0.2)
                for gap in (0.3, 3.0)
            ]
        )

    def bounds(self, log_p: Floats, log_error: Floats) -> tuple[list[float], list[float]]:
        """The break inside the sizes, the offset below the lowest error."""
        low = [-60.0, 0.0, -5.0, float(log_p.min()), -4.0, FLOOR]
        return low, [60.0, 5.0, 5.0, float(log_p.max()), 1.5, float(log_error.min())]

    def log_error(self, theta: Floats, log_p: Floats) -> Floats:
        """(S, 6), (n,) -> (S, n)."""
        log_b, c0, c1, log_d, log_f, log_offset = np.moveaxis(theta[..., None], 1, 0)
        f = np.exp(log_f)
        bend = np.logaddexp(0, (log_p - log_d) / f)
        found: Floats = np.logaddexp(log_b - c0 * log_p - c1 * f * bend, log_offset)
        return found


BASELINES: tuple[Baseline, ...] = (PurePower(), PowerOffset(), M4(), BrokenPower())


@dataclass(frozen=True)
class Fitted:
    """A baseline with its parameters."""

    baseline: Baseline
    theta: Floats
    rms: float

    def log_error(self, log_p: Floats) -> Floats:
        """ln ε at ln P. (n,)."""
        found: Floats = self.baseline.log_error(self.theta[None], np.asarray(log_p, dtype=float))[0]
        return found


def fit_baseline(baseline: Baseline, log_p: Floats, log_error: Floats) -> Fitted | None:
    """Least squares of ln ε from every start; None with fewer points than parameters."""
    known = np.isfinite(log_error)
    log_p, log_error = log_p[known], log_error[known]
    if len(log_p) < max(len(baseline.parameters), 2):
        return None
    low, high = (np.array(limit) for limit in baseline.bounds(log_p, log_error))
    theta = np.clip(baseline.starts(log_p, log_error), low, high)
    found = _descend(baseline, theta, log_p, log_error, low, high)
    best = int(np.argmin(found.cost))
    rms = float(np.sqrt(found.cost[best] / len(log_p)))
    return Fitted(baseline, found.theta[best], rms)


def _line(log_p: Floats, y: Floats) -> tuple[float, float]:
    """Constant and minus slope of a straight line."""
    constant, slope = one_line(log_p, y)
    return constant, -slope


def _descend(
    baseline: Baseline, theta: Floats, log_p: Floats, y: Floats, low: Floats, high: Floats
) -> Solution:
    """Least squares of every start at once, with differences for derivatives."""
    nudges = NUDGE * np.eye(theta.shape[1])

    def normal(trial: Floats, rows: Rows) -> Normal:
        residual = baseline.log_error(trial, log_p) - y
        nudged = (trial[:, None] + nudges).reshape(-1, trial.shape[1])
        moved = baseline.log_error(nudged, log_p).reshape(*trial.shape, -1) - y
        jacobian = (moved - residual[:, None]) / NUDGE  # (S, q, n)
        return Normal.of(np.swapaxes(jacobian, 1, 2), residual)

    return least_squares(normal, theta, SEARCH, lambda trial, rows: np.clip(trial, low, high))
