"""The crossover model: one smooth crossover ε(λ, P) through the curves of all sizes.

With p = ln P and u = ln λ − κ − γ2 p,

    ln ε = c − γ1 ln λ − γ0 p + (1/s) ln(1 + e^(s w u)),        w = γ1 + δ:

the early law far below the crossover, a rise with slope δ beyond it, sharpness s between. Before
learning the error sits at chance, ε_0, and leaves it with sharpness m: the right side R becomes
ln ε_0 − (1/m) ln(1 + e^(m (ln ε_0 − R))). An irreducible error added to the whole is an option.
Scaling is built in: in rescaled variables all sizes are one curve below the plateau, and its
lowest error falls with exponent γ0 + γ1 γ2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from normlaws.arrays import Floats
from normlaws.laws.estimators.least_squares import Normal, Rows, Search, Solution, least_squares

NAMES = (
    "constant",
    "gamma0",
    "gamma1",
    "position",
    "gamma2",
    "log_sharpness",
    "log_bend",
    "log_chance",
    "log_knee",
)
C, G0, G1, KAPPA, G2, LOG_S, LOG_W, LOG_CHANCE, LOG_M = range(len(NAMES))
NO_PLATEAU = 60.0  # ln of an error at chance that no curve comes near
PRIORS = {LOG_S: (np.log(2.0), 1.5), LOG_M: (np.log(3.5), 0.6)}  # weak: where data say nothing
SETTLED = 1e-9  # relative fall of the cost
KNEES = (np.log(1.5), np.log(40.0))  # softer ones cannot be told from a common curve that bends


@dataclass(frozen=True)
class Crossover:
    """A fitted crossover.

    Attributes:
        parameters: (9,) in the order of ``NAMES``; x and p are centred on ``centre``.
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
    def log_chance(self) -> float:
        """ln ε_0, the error before learning; infinite where the fit has no plateau."""
        known = self.parameters[LOG_CHANCE] < NO_PLATEAU / 2
        return float(self.parameters[LOG_CHANCE]) if known else float("inf")

    @property
    def irreducible(self) -> float:
        """Error that no amount of data removes; zero where the option was not chosen."""
        return float(np.exp(self.log_irreducible))

    def from_chance(self, log_error: ArrayLike) -> Floats:
        """Ln errors of a law that begins at chance, from those of the law; the same without.

        Above ln ε_0 they are ln ε_0, far below it the law's, as in the model.
        """
        y = np.asarray(log_error, dtype=float)
        if not np.isfinite(self.log_chance):
            return y
        m = float(np.exp(self.parameters[LOG_M]))
        return np.asarray(self.log_chance - np.logaddexp(0.0, m * (self.log_chance - y)) / m)

    def predict(self, log_norm: ArrayLike, size: ArrayLike) -> Floats:
        """Error at natural log norms and sizes, broadcast against each other."""
        x = np.asarray(log_norm, dtype=float) - self.centre[0]
        p = np.log(np.asarray(size, dtype=float)) - self.centre[1]
        shape = np.broadcast_shapes(x.shape, p.shape)
        x, p = np.broadcast_to(x, shape).ravel(), np.broadcast_to(p, shape).ravel()
        y = evaluate(self.parameters[None], x, p, np.array([self.log_irreducible]))[0]
        return np.asarray(np.exp(y).reshape(shape))

    def steepest(self, size: float, low: float, high: float) -> float:
        """Largest −d ln ε/d ln λ of one size between two log norms, as a share of γ1; else NaN.

        Below 1 where the size has not quite left the plateau before it turns.
        """
        x = np.linspace(low, high, 200) - self.centre[0]
        if not (low < high and self.gamma1 > 0):
            return float("nan")
        p = np.full(len(x), np.log(size) - self.centre[1])
        found = pieces(self.parameters[None], x, p, np.array([self.log_irreducible]))
        return float((found.core * (self.gamma1 - found.pull)).max() / self.gamma1)

    def log_norm_opt(self, size: ArrayLike) -> Floats:
        """Where the fitted error is lowest; infinite where it never rises."""
        p = np.log(np.asarray(size, dtype=float)) - self.centre[1]
        return np.asarray(turning_point(self.parameters[None], p[None])[0] + self.centre[0])


def turning_point(theta: Floats, p: Floats) -> Floats:
    """Centred ln λ_opt = κ + γ2 p + ln(γ1/δ)/(s w). (B, 9), (1 or B, …) -> (B, …)."""
    shape = (-1,) + (1,) * (p.ndim - 1)
    w, s = np.exp(theta[:, LOG_W]), np.exp(theta[:, LOG_S])
    delta = w - theta[:, G1]
    with np.errstate(invalid="ignore", divide="ignore"):
        turn = np.where(
            delta > 1e-6, np.log(np.maximum(theta[:, G1], 1e-9) / delta) / (s * w), np.inf
        )
    return (theta[:, KAPPA] + turn).reshape(shape) + theta[:, G2].reshape(shape) * p


@dataclass(frozen=True)
class Pieces:
    """The model and what its derivatives need. (B, N) each.

    Attributes:
        y: ln ε.
        pull: what the turn takes from the slope, σ(s w u)·w.
        sharp, wide: derivatives of the turn by ln s and by ln w.
        core: share of the error that is reducible, times the share that has left the plateau.
        chance: derivative by ln ε_0.
        knee: derivative by ln m.
        left: share that has left the plateau, σ(m (ln ε_0 − core)).
    """

    y: Floats
    pull: Floats
    sharp: Floats
    wide: Floats
    core: Floats
    chance: Floats
    knee: Floats
    left: Floats


def pieces(theta: Floats, x: Floats, p: Floats, log_irreducible: Floats) -> Pieces:
    """Model and derivatives. (B, 9), (N,), (N,), (B,) -> (B, N) each."""
    column = theta[:, :, None]
    s, w = np.exp(column[:, LOG_S]), np.exp(column[:, LOG_W])
    u = x - column[:, KAPPA] - column[:, G2] * p
    z = s * w * u
    bend = np.logaddexp(0.0, z) / s
    core = column[:, C] - column[:, G1] * x - column[:, G0] * p + bend
    pull = w * np.exp(-np.logaddexp(0.0, -z))
    m = np.exp(column[:, LOG_M])
    depth = column[:, LOG_CHANCE] - core
    below = np.logaddexp(0.0, m * depth) / m
    left = np.exp(-np.logaddexp(0.0, -m * depth))
    plain = column[:, LOG_CHANCE] - below
    y = np.logaddexp(plain, log_irreducible[:, None])
    share = np.exp(plain - y)
    return Pieces(
        y=y,
        pull=pull,
        sharp=pull * u - bend,
        wide=pull * u,
        core=share * left,
        chance=share * (1 - left),
        knee=share * (below - depth * left),
        left=left,
    )


def evaluate(theta: Floats, x: Floats, p: Floats, log_irreducible: Floats) -> Floats:
    """Ln ε of the model. (B, 9), (N,), (N,), (B,) -> (B, N)."""
    return pieces(theta, x, p, log_irreducible).y


@dataclass(frozen=True)
class Data:
    """What the crossover is fitted to, for a batch.

    Residuals enter through the pseudo-Huber loss of width 2·``scale``.

    Attributes:
        x: (N,) centred log norms. p: (N,) centred log sizes.
        y: (B, N) ln error. weight: (B, N) zero where a point does not count.
        scale: noise of a point.
        log_irreducible: ln of an irreducible error, held fixed.
        highest: of ln ε_0, where there is a plateau.
    """

    x: Floats
    p: Floats
    y: Floats
    weight: Floats
    scale: float
    log_irreducible: float
    highest: float = np.inf


def fit_crossover(data: Data, theta: Floats, steps: int) -> Solution:
    """Damped robust least squares from ``theta`` (B, 9), in so many steps at most."""

    def normal(trial: Floats, rows: Rows) -> Normal:
        return _normal(data, trial, rows)

    def limit(trial: Floats, rows: Rows) -> Floats:
        trial[:, LOG_S] = np.clip(trial[:, LOG_S], np.log(0.1), np.log(60.0))
        trial[:, LOG_W] = np.clip(trial[:, LOG_W], -8.0, 3.0)
        flat = theta[rows, LOG_CHANCE] >= NO_PLATEAU / 2
        chance = np.minimum(trial[:, LOG_CHANCE], data.highest)
        trial[:, LOG_CHANCE] = np.where(flat, NO_PLATEAU, chance)
        trial[:, LOG_M] = np.clip(trial[:, LOG_M], *KNEES)
        return trial

    search = Search(steps, tolerance=SETTLED, calm=1e-3, longest=2.0, ridge=1e-9)
    return least_squares(normal, theta, search, limit)


def _normal(data: Data, theta: Floats, rows: Rows) -> Normal:
    """Cost, gradient and Gauss–Newton curvature of the robust loss with its prior."""
    weight = data.weight[rows]
    at = pieces(theta, data.x, data.p, np.full(len(theta), data.log_irreducible))
    width, variance = 2 * data.scale, data.scale**2
    residual = np.where(weight > 0, at.y - data.y[rows], 0.0)
    root = np.sqrt(1 + (residual / width) ** 2)
    cost = (weight * 2 * (width**2 / variance) * (root - 1)).sum(axis=1) / 2
    reweighted = weight / root / variance
    ones, p = np.ones_like(at.y), data.p
    core = np.stack(
        [ones, -p * ones, -data.x * ones, -at.pull, -at.pull * p, at.sharp, at.wide], axis=1
    )
    plateau = np.stack([at.chance, at.knee], axis=1)
    jacobian = np.concatenate([at.core[:, None] * core, plateau], axis=1)
    weighted = jacobian * reweighted[:, None]
    gradient = (weighted @ residual[..., None])[..., 0]
    curvature = weighted @ np.swapaxes(jacobian, 1, 2)
    for which, (centre, spread) in PRIORS.items():
        away = (theta[:, which] - centre) / spread
        gradient[:, which] += away / spread
        curvature[:, which, which] += 1 / spread**2
        cost = cost + away**2 / 2
    return Normal(cost, gradient, curvature)
