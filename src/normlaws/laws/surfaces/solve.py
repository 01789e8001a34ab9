"""Minimising a loss of the residuals of ln L over the constants of a family, in batches.

A damped Newton method on the smoothed loss (only residuals within δ bend it; the damping does the
rest), δ going down in steps for absolute values, where linear programs then find the exact corner.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linprog

from normlaws.arrays import Flags, Floats
from normlaws.laws.estimators.least_squares import Normal, Rows, Search, Solution, least_squares
from normlaws.laws.surfaces.family import Family, Variables
from normlaws.laws.surfaces.losses import Loss

STEPS = 200
CONVERGED = 1e-13  # relative fall of the cost
SEARCH = Search(steps=STEPS, tolerance=CONVERGED, first=1e-3, ridge=1e-300)
CORNER_STEPS = 60
TRUST = 0.05
FINEST = 1e-11


@dataclass(frozen=True)
class Problem:
    """Data and what is asked of a fit.

    Attributes:
        free: (P,) which entries of θ are fitted.
    """

    family: Family
    variables: Variables
    log_loss: Floats
    loss: Loss
    free: Flags

    def residuals(self, theta: Floats) -> Floats:
        """Ln L of the data less that of the law. (B, n)."""
        with np.errstate(all="ignore"):
            found = self.log_loss - np.real(self.family.log_loss(theta, self.variables))
        return np.asarray(np.where(np.isfinite(found), found, 1e6))


def solve(
    problem: Problem,
    theta: Floats,
    counts: Floats,
    steps: int = STEPS,
    deltas: tuple[float, ...] | None = None,
) -> Solution:
    """Minimise from ``theta`` (B, P), each data set weighted by ``counts`` (B, n).

    Args:
        problem: data and loss.
        theta: where to begin.
        counts: how often each row counts.
        steps: at most, for each δ.
        deltas: the sequence of δ; by default that of the loss.
    """
    found = Solution(theta, np.full(len(theta), np.nan), np.zeros(len(theta), dtype=bool))
    for delta in deltas or problem.loss.deltas:
        found = _newton(problem, found.theta, counts, delta, steps)
    return replace(found, cost=problem.loss.exact(problem.residuals(found.theta), counts))


def polish(problem: Problem, found: Solution, counts: Floats) -> Solution:
    """The exact corner of a sum of absolute values near the first solution; others as they are."""
    if problem.loss.delta != 0:
        return found
    theta, value = found.theta[:1].copy(), float(found.cost[0])
    trust, settled = TRUST, False
    for _ in range(CORNER_STEPS):
        step = _corner_step(problem, theta, counts, trust)
        moved = theta + step
        after = float(problem.loss.exact(problem.residuals(moved), counts)[0])
        if after < value:
            settled = value - after <= CONVERGED * value
            theta, value = moved, after
            trust = min(2 * trust, TRUST)
        else:
            trust /= 4
        if settled or trust < FINEST:
            settled = True
            break
    return Solution(theta, np.array([value]), np.array([settled]))


def _newton(problem: Problem, theta: Floats, counts: Floats, delta: float, steps: int) -> Solution:
    def normal(trial: Floats, rows: Rows) -> Normal:
        residuals, weights = problem.residuals(trial), counts[rows]
        with np.errstate(all="ignore"):
            slopes = np.nan_to_num(problem.family.jacobian(trial, problem.variables))
        slopes = slopes * problem.free
        pull, bend = problem.loss.pull(residuals, weights, delta)
        whole = np.einsum("bnp,bn->bp", slopes**2, weights)
        curvature = np.swapaxes(slopes, 1, 2) * bend[:, None, :] @ slopes
        fixed = np.flatnonzero(~problem.free)
        curvature[:, fixed, fixed] = 1.0
        return Normal(
            cost=problem.loss.smooth(residuals, weights, delta),
            gradient=-np.einsum("bnp,bn->bp", slopes, pull),
            curvature=curvature,
            scale=whole + 1e-12 * whole.max(axis=1, keepdims=True),
        )

    return least_squares(normal, theta, replace(SEARCH, steps=steps))


def _corner_step(problem: Problem, theta: Floats, counts: Floats, trust: float) -> Floats:
    """The step that minimises the linearised sum of absolute values within a box: an LP."""
    residuals, weights = problem.residuals(theta)[0], counts[0]
    slopes = problem.family.jacobian(theta, problem.variables)[0][:, problem.free]
    n, p = slopes.shape
    quantile = problem.loss.quantile
    cost = np.concatenate([np.zeros(p), 2 * quantile * weights, 2 * (1 - quantile) * weights])
    equal = np.hstack([slopes, np.eye(n), -np.eye(n)])
    bounds = [(-trust, trust)] * p + [(0, None)] * (2 * n)
    found = linprog(cost, A_eq=equal, b_eq=residuals, bounds=bounds, method="highs")
    step = np.zeros_like(theta)
    if found.status == 0:
        step[0, problem.free] = found.x[:p]
    return step
