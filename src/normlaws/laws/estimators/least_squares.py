"""Damped least squares for a batch of problems, and straight lines: the solvers of every law.

Every member of a batch, such as a resample or a starting point, takes Gauss–Newton steps with a
damping of its own (Levenberg 1944, Marquardt 1963), so that one that fails does not hold the others
back. A member that has converged rests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from normlaws.arrays import Flags, Floats

Rows = NDArray[np.int64]  # which members of the batch, (b,)


@dataclass(frozen=True)
class Normal:
    """What a step of a member rests on.

    Attributes:
        cost: (b,) what is minimised.
        gradient: (b, q) of the cost, up to a constant that it shares with ``curvature``.
        curvature: (b, q, q) Gauss and Newton's.
        scale: (b, q) what the damping multiplies; the curvature's diagonal by default.
    """

    cost: Floats
    gradient: Floats
    curvature: Floats
    scale: Floats | None = None

    @classmethod
    def of(cls, jacobian: Floats, residual: Floats, weight: Floats | float = 1.0) -> Normal:
        """Weighted squares: residuals and weights (b, n), derivatives (b, n, q)."""
        weight = np.broadcast_to(weight, residual.shape)
        weighted = jacobian * weight[..., None]
        return cls(
            cost=np.asarray((weight * residual**2).sum(axis=1)),
            gradient=np.einsum("bnj,bn->bj", weighted, residual),
            curvature=np.swapaxes(weighted, 1, 2) @ jacobian,
        )

    def damped(self) -> Floats:
        """What the damping multiplies. (b, q)."""
        return np.einsum("bii->bi", self.curvature) if self.scale is None else self.scale


@dataclass(frozen=True)
class Search:
    """How a minimum is looked for.

    Attributes:
        steps: at most, accepted or not.
        tolerance: relative fall of the cost at which a member has converged.
        calm: damping above which a small fall says nothing.
        longest: change of any parameter in one step.
        first: damping of the first step. fall, rise: its factors after a step that lowered the cost
            and one that did not. bounds: its least and largest value; at the largest, no step
            lowers the cost and the member has converged.
        ridge: added to the damped curvature's diagonal.
    """

    steps: int
    tolerance: float = 1e-12
    calm: float = np.inf
    longest: float = np.inf
    first: float = 1e-2
    fall: float = 5.0
    rise: float = 4.0
    bounds: tuple[float, float] = (1e-14, 1e12)
    ridge: float = 1e-10


@dataclass(frozen=True)
class Solution:
    """The parameters (B, q), their cost (B,), and whether the search ended at a minimum (B,)."""

    theta: Floats
    cost: Floats
    converged: Flags


def least_squares(
    normal: Callable[[Floats, Rows], Normal],
    theta: Floats,
    search: Search,
    limit: Callable[[Floats, Rows], Floats] | None = None,
) -> Solution:
    """Minimise a sum of squares, or of a loss that a quadratic bounds, for each member of a batch.

    Args:
        normal: cost, gradient and curvature at parameters (b, q) of the members (b,).
        theta: (B, q) where to begin.
        search: how.
        limit: parameters (b, q) of the members (b,), brought back to where they may be.
    """
    theta = theta.copy()
    rows = np.arange(len(theta))
    at = normal(theta, rows)
    cost, damping = at.cost.copy(), np.full(len(theta), search.first)
    converged = cost <= 0
    for _ in range(search.steps):
        if not len(rows):
            break
        step = _step(at, damping[rows], search)
        trial = theta[rows] - np.clip(step, -search.longest, search.longest)
        if limit is not None:
            trial = limit(trial, rows)
        new = normal(trial, rows)
        better = new.cost <= cost[rows]
        done = better & (cost[rows] - new.cost <= search.tolerance * cost[rows])
        done &= damping[rows] <= search.calm
        done |= ~better & (damping[rows] >= search.bounds[1])
        theta[rows[better]], cost[rows[better]] = trial[better], new.cost[better]
        factor = np.where(better, 1 / search.fall, search.rise)
        damping[rows] = np.clip(damping[rows] * factor, *search.bounds)
        converged[rows[done]] = True
        at = _chosen(new, at, better, ~done)
        rows = rows[~done]
    return Solution(theta, cost, converged & np.isfinite(cost))


def straight_line(x: Floats, y: Floats, weight: Floats | float = 1.0) -> tuple[Floats, Floats]:
    """Lines through each row of ``y`` by weighted least squares: constants (B,) and slopes (B,).

    Args:
        x: (K,) shared by all rows, or (B, K).
        y: (B, K); what is not finite does not count. Rows with fewer than two points give NaN.
        weight: (K,) or (B, K).
    """
    known = np.isfinite(y)
    w = np.where(known, weight, 0.0)
    filled, total = np.where(known, y, 0.0), w.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        x_mean, y_mean = (w * x).sum(axis=-1) / total, (w * filled).sum(axis=-1) / total
        dx = x - x_mean[..., None]
        slope = (w * dx * filled).sum(axis=-1) / (w * dx**2).sum(axis=-1)
    slope = np.where(known.sum(axis=-1) >= 2, slope, np.nan)
    return np.asarray(y_mean - slope * x_mean), slope


def one_line(x: Floats, y: Floats) -> tuple[float, float]:
    """The constant and the slope of one straight line. ``y``: (K,)."""
    constant, slope = straight_line(np.asarray(x, dtype=float), np.asarray(y, dtype=float)[None])
    return float(constant[0]), float(slope[0])


def _step(at: Normal, damping: Floats, search: Search) -> Floats:
    """What is taken off the parameters. (b, q)."""
    lifted = at.curvature.copy()
    places = np.arange(lifted.shape[1])
    lifted[:, places, places] += damping[:, None] * at.damped() + search.ridge
    return np.asarray(np.linalg.solve(lifted, at.gradient[..., None])[..., 0])


def _chosen(new: Normal, old: Normal, better: Flags, kept: Flags) -> Normal:
    """``new`` where it is better, else ``old``, of the members that are kept."""

    def chosen(one: Floats, other: Floats) -> Floats:
        mask = better.reshape(-1, *[1] * (one.ndim - 1))
        return np.asarray(np.where(mask, one, other)[kept])

    scale = None
    if new.scale is not None and old.scale is not None:
        scale = chosen(new.scale, old.scale)
    return Normal(
        chosen(new.cost, old.cost),
        chosen(new.gradient, old.gradient),
        chosen(new.curvature, old.curvature),
        scale,
    )
