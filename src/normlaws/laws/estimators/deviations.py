"""How the curves deviate from the crossover: bend, drift of γ2, change of the turn's width.

The crossover of the joint fit is put into a wider family with three more parameters, each zero
where the laws hold:

    slope of the early law   γ1 exp(b ξ),   ξ = (ln λ − middle) / reach        ∈ [−½, ½]
    slope of the late law    γ2 exp(h π),   π = (ln P − middle) / range        ∈ [−½, ½]
    sharpness of the turn    s exp(−ω π)

so that b, h and ω are ln ratios from end to end. All parameters, the plateau's and the turn's among
them, are fitted to the data together: a bend that a soft plateau or a wide turn could imitate then
has a wide interval, instead of being absorbed by them. Resamples are linearised about the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.estimators.crossover import (
    G0,
    G1,
    G2,
    KAPPA,
    KNEES,
    LOG_CHANCE,
    LOG_M,
    LOG_S,
    LOG_W,
    NO_PLATEAU,
    PRIORS,
    C,
)
from normlaws.laws.estimators.joint_fit import JointFit, Points
from normlaws.laws.estimators.least_squares import Normal, Rows, Search, least_squares

BEND, DRIFT, WIDTH = 9, 10, 11  # after the parameters of the crossover
COUNT = 12
ITERATIONS = 40
FARTHEST = 4.0  # ln ratios beyond which none is looked for
NUDGE = 1e-5


@dataclass(frozen=True)
class Deviations:
    """Ln ratios from end to end under each row of weights; row 0 is the data. (B,) each.

    Attributes:
        bend: slope of the early law at the top of the common curve over that at its start.
        drift: γ2 at the largest size over that at the smallest.
        width: width of the turn at the largest size over that at the smallest.
        reach: log norms between which the common curve was fitted.
        adequate: whether the wider family describes the curves; else its ratios mean nothing.
    """

    bend: Floats
    drift: Floats
    width: Floats
    reach: tuple[float, float]
    adequate: bool

    def bend_between(self, low: float, high: float) -> Floats:
        """Ln ratio of the early slopes at two log norms. (B,)."""
        return self.bend * (high - low) / (self.reach[1] - self.reach[0])


@dataclass(frozen=True)
class Wider:
    """The wider family at the points of the joint fit."""

    points: Points
    middle: float
    reach: float
    p_middle: float
    p_range: float

    def log_error(self, theta: Floats) -> Floats:
        """Ln ε. (12,) -> (N,)."""
        x, p = self.points.x, self.points.p
        share = (p - self.p_middle) / self.p_range
        early = theta[G1] * self.reach * _grown(theta[BEND], (x - self.middle) / self.reach)
        place = theta[KAPPA] + theta[G2] * self.p_range * _grown(theta[DRIFT], share)
        s = np.exp(theta[LOG_S] - theta[WIDTH] * share)
        z = s * np.exp(theta[LOG_W]) * (x - place)
        core = theta[C] - early - theta[G0] * p + np.logaddexp(0.0, z) / s
        m = np.exp(theta[LOG_M])
        plain = theta[LOG_CHANCE] - np.logaddexp(0.0, m * (theta[LOG_CHANCE] - core)) / m
        return np.asarray(np.logaddexp(plain, self.points.log_irreducible))

    def jacobian(self, theta: Floats, free: np.ndarray) -> Floats:
        """Derivatives by the free parameters, central differences. (N, q)."""
        columns = []
        for which in free:
            step = np.zeros(COUNT)
            step[which] = NUDGE
            columns.append((self.log_error(theta + step) - self.log_error(theta - step)) / 2)
        return np.stack(columns, axis=1) / NUDGE


def _grown(rate: float, share: Floats) -> Floats:
    """(e^(rate · share) − 1) / rate. (N,)."""
    if abs(rate) < 1e-8:
        return share
    return np.asarray(np.expm1(rate * share) / rate)


def deviations(joint: JointFit, optima: Floats) -> Deviations | None:
    """Fit the wider family to the data of a joint fit, and to every resample.

    Args:
        joint: the fit, with its points.
        optima: (K,) ln λ_opt of the data.

    Returns:
        None where the parameters cannot be told apart.
    """
    points, centre, unit = joint.points, joint.crossover.centre, joint.unit
    low = joint.crossover.lower
    high = max(float(np.nanmax(optima)), low + 0.1 * unit)
    ends = (float(points.p.min()), float(points.p.max()))
    wider = Wider(
        points=points,
        middle=((low + high) / 2 - centre[0]) / unit,
        reach=(high - low) / unit,
        p_middle=sum(ends) / 2,
        p_range=ends[1] - ends[0],
    )
    plateau = joint.scaled[LOG_CHANCE] < NO_PLATEAU / 2
    free = np.array([i for i in range(COUNT) if plateau or i not in (LOG_CHANCE, LOG_M)])
    start = np.concatenate([joint.scaled, np.zeros(COUNT - len(joint.scaled))])
    start[C] -= start[G1] * wider.middle
    start[KAPPA] += start[G2] * wider.p_middle
    theta = _settled(wider, start, free, joint.scale)
    moves = _moves(wider, theta, free, joint.scale)
    if moves is None:
        return None
    bend, drift, width = (
        theta[which] + moves[:, list(free).index(which)] for which in (BEND, DRIFT, WIDTH)
    )
    counted = points.weight[0] > 0
    scatter = float(np.sqrt(np.mean(_residual(wider, theta)[counted] ** 2)))
    return Deviations(bend, drift, width, (low, high), scatter <= joint.tolerance)


def _settled(wider: Wider, theta: Floats, free: np.ndarray, scale: float) -> Floats:
    """Robust least squares on the data. (12,)."""

    def whole(part: Floats) -> Floats:
        full = theta.copy()
        full[free] = part
        return full

    def normal(parts: Floats, rows: Rows) -> Normal:
        at = whole(parts[0])
        _, gradient, curvature = _normal(wider, at, free, scale)
        return Normal(np.array([_cost(wider, at, scale)]), -gradient[None], curvature[None])

    def limit(parts: Floats, rows: Rows) -> Floats:
        at = whole(parts[0])
        at[LOG_S] = np.clip(at[LOG_S], np.log(0.1), np.log(60.0))
        at[LOG_W] = np.clip(at[LOG_W], -8.0, 3.0)
        at[LOG_M] = np.clip(at[LOG_M], *KNEES)
        at[BEND:] = np.clip(at[BEND:], -FARTHEST, FARTHEST)
        return np.asarray(at[free][None])

    search = Search(ITERATIONS, tolerance=1e-6, calm=1e-3, longest=1.0, ridge=1e-9)
    return whole(least_squares(normal, theta[free][None], search, limit).theta[0])


def _residual(wider: Wider, theta: Floats) -> Floats:
    points = wider.points
    return np.where(points.weight[0] > 0, points.y[0] - wider.log_error(theta), 0.0)


def _root(residual: Floats, scale: float) -> Floats:
    return np.asarray(np.sqrt(1 + (residual / (2 * scale)) ** 2))


def _cost(wider: Wider, theta: Floats, scale: float) -> float:
    """Pseudo-Huber loss with the crossover's priors."""
    cost = 4 * float((wider.points.weight[0] * (_root(_residual(wider, theta), scale) - 1)).sum())
    for which, (centre, spread) in PRIORS.items():
        cost += ((theta[which] - centre) / spread) ** 2 / 2
    return cost


def _normal(
    wider: Wider, theta: Floats, free: np.ndarray, scale: float
) -> tuple[Floats, Floats, Floats]:
    """Weighted derivatives (N, q), downhill gradient (q,) and curvature (q, q)."""
    residual = _residual(wider, theta)
    jacobian = wider.jacobian(theta, free)
    weighted = jacobian * (wider.points.weight[0] / _root(residual, scale) / scale**2)[:, None]
    gradient, curvature = weighted.T @ residual, weighted.T @ jacobian
    for which, (centre, spread) in PRIORS.items():
        here = np.flatnonzero(free == which)
        gradient[here] -= (theta[which] - centre) / spread**2
        curvature[here, here] += 1 / spread**2
    return weighted, gradient, curvature


def _moves(wider: Wider, theta: Floats, free: np.ndarray, scale: float) -> Floats | None:
    """First-order change of the free parameters in every resample. (B, q)."""
    weighted, _, curvature = _normal(wider, theta, free, scale)
    points = wider.points
    change = np.where(points.weight > 0, points.y - points.y[:1], 0.0)
    size = np.sqrt(np.diag(curvature))
    if not (size > 0).all():
        return None
    inverse = np.linalg.pinv(curvature / np.outer(size, size), rcond=1e-9) / np.outer(size, size)
    return np.asarray(np.nan_to_num(change) @ weighted @ inverse.T)
