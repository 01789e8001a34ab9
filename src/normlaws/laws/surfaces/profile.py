"""Profile intervals: how far a constant can go before the fit, with the others free, is worse."""

from __future__ import annotations

import numpy as np

from normlaws.arrays import Floats
from normlaws.errors import InputError, allowed
from normlaws.laws.distributions import chi2_quantile
from normlaws.laws.result import Estimate
from normlaws.laws.surfaces.solve import Problem, solve

STEPS = 40
FIRST = 0.02
NEWTON = 40


def profile_interval(problem: Problem, theta: Floats, name: str, objective: float) -> Estimate:
    """The 95 % interval of one constant by the likelihood ratio of its profile.

    Squares stand for normal residuals, the other losses for Laplace's: with the scale free, the
    log-likelihood ratio is n/2 or n times ln(objective / lowest).

    Raises:
        InputError: no such free constant.
    """
    family = problem.family
    free = [one for one, is_free in zip(family.constants, problem.free, strict=True) if is_free]
    if name not in free:
        raise InputError(f"expected a fitted constant {allowed(free)}, got {name!r}")
    place = family.constants.index(name)
    count = problem.log_loss.shape[1]
    factor = 0.5 if problem.loss.name == "squares" else 1.0
    allowed_rise = float(np.exp(chi2_quantile(0.95, 1) / 2 / (factor * count)))
    ends = [_edge(problem, theta, place, sign, objective * allowed_rise) for sign in (-1.0, 1.0)]
    value = theta[place]
    if name in family.logged:
        return Estimate(*(float(np.exp(one)) for one in (value, *ends)))
    return Estimate(float(value), *(float(one) for one in ends))


def _edge(problem: Problem, theta: Floats, place: int, sign: float, limit: float) -> float:
    """Where the profile crosses ``limit`` on one side; infinite where it never does."""
    held = problem.free.copy()
    held[place] = False
    fixed = Problem(problem.family, problem.variables, problem.log_loss, problem.loss, held)
    counts = np.ones((1, problem.log_loss.shape[1]))
    inside, step, at = 0.0, FIRST, theta.copy()
    outside = np.inf
    for _ in range(STEPS):
        far = inside + step if np.isinf(outside) else (inside + outside) / 2
        trial = at.copy()
        trial[place] = theta[place] + sign * far
        found = solve(fixed, trial[None], counts, NEWTON, problem.loss.deltas_nearby)
        if found.cost[0] > limit:
            outside = far
        else:
            inside, at, step = far, found.theta[0], 2 * step
        if outside - inside < 1e-4 * max(outside, 1e-3):
            break
    return float(theta[place] + sign * inside) if np.isfinite(outside) else float(sign * np.inf)
