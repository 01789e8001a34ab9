"""Collapse exponents by finite-size scaling: γ and γ2 with no functional form assumed.

If ε = P^(−γ) Φ(λ P^(−γ2)), then ln ε + γ ln P against ln λ − γ2 ln P is one curve for every P. The
exponents that bring the curves closest to each other are found by minimising the mean squared
distance of every curve from the others, read by linear interpolation (Houdayer and Hartmann 2004,
without their weights: the seed noise of the sizes is alike).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from normlaws.arrays import Floats
from normlaws.laws.distributions import t_quantile
from normlaws.laws.estimators.joint_fit import PAST
from normlaws.laws.estimators.resampled_fit import Samples
from normlaws.laws.result import Estimate

ENOUGH = 0.5  # of the overlap at the start must remain: curves pulled apart agree trivially


@np.errstate(divide="ignore", invalid="ignore")
def collapse_exponents(found: Samples) -> tuple[Estimate, Estimate]:
    """(γ, γ2) that collapse the mean curves, with jackknife intervals over seeds.

    The curves enter from the start of the early window to somewhat past their optimum. Leaving out
    one seed at a time gives the standard error, Student's t its factor.
    """
    start = np.array([-found.direct[0, 1], found.late[0, 1]])
    if not np.isfinite(start).all() or not np.isfinite(found.early.low[0]):
        return Estimate(float("nan")), Estimate(float("nan"))
    best = _collapse(found, found.curves[0], start)
    names = np.unique(found.panel.seeds)
    if found.freedom < 1:
        return Estimate(best[0]), Estimate(best[1])
    weights = (found.panel.seeds != names[:, None]).astype(float)  # (S, R)
    left = np.array([_collapse(found, c, best) for c in found.panel.mean_curves(weights)])
    n = len(names)
    error = np.sqrt((n - 1) / n * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    half = t_quantile(0.975, n - 1) * error
    gamma, gamma2 = (
        Estimate(float(b), float(b - h), float(b + h)) for b, h in zip(best, half, strict=True)
    )
    return gamma, gamma2


def _collapse(found: Samples, curves: Floats, start: Floats) -> Floats:
    grid = found.panel.grid
    p = found.log_sizes - found.log_sizes.mean()
    low = found.early.low[0]
    upper = found.log_norm[0] + PAST * np.maximum(found.log_norm[0] - low, 1.0)
    inside = (grid >= low) & (grid <= upper[:, None]) & np.isfinite(curves) & found.panel.trusted
    parts = [
        (grid[inside[k]], curves[k, inside[k]], p[k])
        for k in range(len(p))
        if inside[k].sum() >= 3 and found.used[k]
    ]
    if len(parts) < 3:
        return np.full(2, np.nan)
    _, overlap = _distance(start, parts)

    def cost(exponents: Floats) -> float:
        distance, points = _distance(exponents, parts)
        return distance * (1 + 10 * max(ENOUGH * overlap - points, 0) / max(overlap, 1))

    simplex = start + np.array([[0, 0], [0.1, 0], [0, 0.1]]) * (np.abs(start) + 0.05)
    answer = minimize(
        cost, start, method="Nelder-Mead", options={"initial_simplex": simplex, "xatol": 1e-4}
    )
    return np.asarray(answer.x)


def _distance(exponents: Floats, parts: list[tuple[Floats, Floats, float]]) -> tuple[float, int]:
    """Mean squared distance of each curve from the mean of the others, and on how many points."""
    moved = [(x - exponents[1] * p, y + exponents[0] * p) for x, y, p in parts]
    axis = np.concatenate([x for x, _ in moved])
    value = np.concatenate([y for _, y in moved])
    owner = np.repeat(np.arange(len(moved)), [len(x) for x, _ in moved])
    others = np.array([np.interp(axis, x, y, left=np.nan, right=np.nan) for x, y in moved])
    others[owner, np.arange(len(axis))] = np.nan
    count = np.isfinite(others).sum(axis=0)
    shared = count > 0
    if not shared.any():
        return float("inf"), 0
    mean = np.nansum(others[:, shared], axis=0) / count[shared]
    return float(np.mean((value[shared] - mean) ** 2)), int(shared.sum())
