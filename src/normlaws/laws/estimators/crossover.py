"""The crossover model: one smooth crossover ε(λ, P) through the curves of all sizes.

With p = ln P and u = ln λ − κ − γ2 p,

    ln ε = c − γ1 ln λ − γ0 p + (1/s) ln(1 + e^(s w u)),        w = γ1 + δ:

the early law far below the crossover, a rise with slope δ beyond it, sharpness s between; and, as
an option, an irreducible error added to the whole. Scaling is built in: in rescaled variables all
sizes are one curve and its lowest error falls with exponent γ0 + γ1 γ2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from normlaws.laws.data.runs import Floats

NAMES = ("constant", "gamma0", "gamma1", "position", "gamma2", "log_sharpness", "log_bend")
C, G0, G1, KAPPA, G2, LOG_S, LOG_W = range(len(NAMES))
PRIOR_SHARPNESS = (np.log(2.0), 1.5)  # weak: holds s where the data say nothing of it


@dataclass(frozen=True)
class Crossover:
    """A fitted crossover.

    Attributes:
        parameters: (7,) in the order of ``NAMES``; x and p are centred on ``centre``.
        centre: (ln λ, ln P) subtracted before fitting.
        log_irreducible: ln of the irreducible error; −inf without.
        scatter: robust scatter of the size curves about the fit, in ln error.
        adequate: whether that scatter is what seed noise (and a floor of 2 %) explains.
        lower: log norm at which the fitted region begins.
        upper: {size: log norm at which it ends}.
    """

    parameters: Floats
    centre: tuple[float, float]
    log_irreducible: float
    scatter: float
    adequate: bool
    lower: float
    upper: dict[int, float]

    @property
    def gamma0(self) -> float:
        """γ0 of the joint fit."""
        return float(self.parameters[G0])

    @property
    def gamma1(self) -> float:
        """γ1 of the joint fit."""
        return float(self.parameters[G1])

    @property
    def gamma2(self) -> float:
        """γ2 of the joint fit."""
        return float(self.parameters[G2])

    @property
    def gamma(self) -> float:
        """γ0 + γ1·γ2: exponent of the lowest error, above the irreducible one."""
        return self.gamma0 + self.gamma1 * self.gamma2

    @property
    def sharpness(self) -> float:
        """How abruptly the early law ends."""
        return float(np.exp(self.parameters[LOG_S]))

    @property
    def rise(self) -> float:
        """δ, slope far beyond the optimum; negative where the error keeps falling."""
        return float(np.exp(self.parameters[LOG_W])) - self.gamma1

    @property
    def irreducible(self) -> float:
        """Error that no amount of data removes; zero where the option was not chosen."""
        return float(np.exp(self.log_irreducible))

    def predict(self, log_norm: ArrayLike, size: ArrayLike) -> Floats:
        """Error at natural log norms and sizes, broadcast against each other."""
        x = np.asarray(log_norm, dtype=float) - self.centre[0]
        p = np.log(np.asarray(size, dtype=float)) - self.centre[1]
        shape = np.broadcast_shapes(x.shape, p.shape)
        x, p = np.broadcast_to(x, shape).ravel(), np.broadcast_to(p, shape).ravel()
        y = evaluate(self.parameters[None], x, p, np.array([self.log_irreducible]))[0]
        return np.asarray(np.exp(y[0]).reshape(shape))

    def log_norm_opt(self, size: ArrayLike) -> Floats:
        """Where the fitted error is lowest; infinite where it never rises."""
        p = np.log(np.asarray(size, dtype=float)) - self.centre[1]
        return np.asarray(turning_point(self.parameters[None], p[None])[0] + self.centre[0])


def turning_point(theta: Floats, p: Floats) -> Floats:
    """Centred ln λ_opt = κ + γ2 p + ln(γ1/δ)/(s w). (B, 7), (1 or B, …) -> (B, …)."""
    shape = (-1,) + (1,) * (p.ndim - 1)
    w, s = np.exp(theta[:, LOG_W]), np.exp(theta[:, LOG_S])
    delta = w - theta[:, G1]
    with np.errstate(invalid="ignore", divide="ignore"):
        turn = np.where(
            delta > 1e-6, np.log(np.maximum(theta[:, G1], 1e-9) / delta) / (s * w), np.inf
        )
    return (theta[:, KAPPA] + turn).reshape(shape) + theta[:, G2].reshape(shape) * p


def evaluate(
    theta: Floats, x: Floats, p: Floats, log_irreducible: Floats
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Model and the pieces its derivatives need. (B, 7), (N,), (N,), (B,) -> (B, N) each.

    Returns ln ε, σ(z)·w, σ(z)·w·u − L/s, σ(z)·w·u and the share of the error that is reducible.
    """
    column = theta[:, :, None]
    s, w = np.exp(column[:, LOG_S]), np.exp(column[:, LOG_W])
    u = x - column[:, KAPPA] - column[:, G2] * p
    z = s * w * u
    bend = np.logaddexp(0.0, z) / s
    core = column[:, C] - column[:, G1] * x - column[:, G0] * p + bend
    pull = w * np.exp(-np.logaddexp(0.0, -z))
    y = np.logaddexp(core, log_irreducible[:, None])
    return y, pull, pull * u - bend, pull * u, np.exp(core - y)


def gauss_newton(
    theta: Floats,
    x: Floats,
    p: Floats,
    y: Floats,
    weight: Floats,
    scale: Floats,
    log_irreducible: Floats,
    iterations: int,
) -> tuple[Floats, Floats]:
    """Damped robust least squares for a batch: (parameters (B, 7), cost (B,)).

    Residuals enter through the pseudo-Huber loss of width 2·``scale``; each member of the batch has
    its own damping, so one that fails does not hold the others back.

    Args:
        theta: (B, 7) starting points.
        x: (N,) centred log norms.
        p: (N,) centred log sizes.
        y: (B, N) ln error.
        weight: (B, N) zero where a point does not count.
        scale: (B,) noise of a point.
        log_irreducible: (B,) held fixed.
        iterations: steps, accepted or not.
    """
    damping = np.full(len(theta), 1e-2)
    cost, gradient, curvature = _normal(theta, x, p, y, weight, scale, log_irreducible)
    for _ in range(iterations):
        diagonal = np.einsum("bii->bi", curvature)
        lifted = curvature + np.einsum(
            "bi,ij->bij", damping[:, None] * diagonal + 1e-9, np.eye(theta.shape[1])
        )
        step = np.linalg.solve(lifted, gradient[..., None])[..., 0]
        trial = theta - np.clip(step, -2.0, 2.0)
        trial[:, LOG_S] = np.clip(trial[:, LOG_S], np.log(0.1), np.log(60.0))
        trial[:, LOG_W] = np.clip(trial[:, LOG_W], -8.0, 3.0)
        new_cost, new_gradient, new_curvature = _normal(
            trial, x, p, y, weight, scale, log_irreducible
        )
        better = new_cost <= cost
        theta = np.where(better[:, None], trial, theta)
        gradient = np.where(better[:, None], new_gradient, gradient)
        curvature = np.where(better[:, None, None], new_curvature, curvature)
        settled = bool((np.abs(cost - new_cost) < 1e-7 * (1 + cost))[better].all())
        cost = np.where(better, new_cost, cost)
        damping = np.where(better, damping / 5, damping * 4)
        if better.any() and settled and (damping < 1e-3).all():
            break
    return theta, cost


def _normal(
    theta: Floats,
    x: Floats,
    p: Floats,
    y: Floats,
    weight: Floats,
    scale: Floats,
    log_irreducible: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Cost, gradient and Gauss–Newton curvature of the robust loss with its prior."""
    fitted, pull, sharp, wide, share = evaluate(theta, x, p, log_irreducible)
    width = 2 * scale[:, None]
    residual = np.where(weight > 0, fitted - y, 0.0)
    root = np.sqrt(1 + (residual / width) ** 2)
    variance = scale[:, None] ** 2
    cost = (weight * 2 * (width**2 / variance) * (root - 1)).sum(axis=1) / 2
    reweighted = weight / root / variance
    ones = np.ones_like(fitted)
    jacobian = share[:, None] * np.stack(
        [ones, -p * ones, -x * ones, -pull, -pull * p, sharp, wide], axis=1
    )
    weighted = jacobian * reweighted[:, None]
    gradient = (weighted @ residual[..., None])[..., 0]
    curvature = weighted @ np.swapaxes(jacobian, 1, 2)
    centre, spread = PRIOR_SHARPNESS
    away = (theta[:, LOG_S] - centre) / spread
    gradient[:, LOG_S] += away / spread
    curvature[:, LOG_S, LOG_S] += 1 / spread**2
    return cost + away**2 / 2, gradient, curvature
