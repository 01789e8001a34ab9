"""Power laws with a floor, y = k x^(−γ) + E, by variable projection.

For a fixed γ the law is linear in (k, E), so that the best non-negative pair has a closed form and
only γ is searched: coarsely over everything the data could show, then as the root of the profiled
objective's derivative, which is known exactly (Golub and Pereyra 1973). Nothing iterates on k and
E, so a floor that is 99.9 % of the lowest value costs no accuracy. A batch of data sets on
the same or on different x is fitted at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from normlaws.arrays import Floats
from normlaws.errors import InputError, allowed

Objective = Literal["squares", "relative", "log"]
OBJECTIVES = ("squares", "relative", "log")
STATUSES = ("converged", "at_bound", "flat", "too_few", "not_converged")

FALLS = (1e-4, 50.0)  # γ · (ln x_max − ln x_min): from a fall of 0.01 % to one of e^50
COARSE = 64
LINEARISATIONS = 60  # of the logarithm, at one exponent
ROOT_STEPS = 80
TOLERANCE = 1e-12
SETTLED = 1e-8  # of ln γ, where rounding keeps the root from being found to TOLERANCE
COARSE_TOLERANCE = 1e-2


@dataclass(frozen=True)
class FloorFit:
    """Laws y = k x^(−γ) + E of R data sets; every array is (R,).

    Attributes:
        log_scale: ln k; −∞ where y does not fall.
        exponent: γ > 0; NaN where y does not fall.
        floor: E ≥ 0.
        objective: the weighted sum of squares that was minimised.
        status: ``converged``; ``at_bound`` (the exponent is at an end of its range, so neither it
            nor the floor is identified); ``flat`` (y does not fall with x: E is its mean);
            ``too_few`` (fewer than three different x with weight); ``not_converged``.
    """

    log_scale: Floats
    exponent: Floats
    floor: Floats
    objective: Floats
    status: NDArray[np.str_]

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Which of the fits ended in a minimum inside the range of exponents. (R,)."""
        return np.asarray((self.status == "converged") | (self.status == "flat"))

    def predict(self, x: ArrayLike) -> Floats:
        """The law at ``x`` ((M,) for all data sets alike, or (R, M)). (R, M)."""
        return self.reducible(x) + self.floor[:, None]

    def reducible(self, x: ArrayLike) -> Floats:
        """What the law lies above its floor at ``x``. (R, M)."""
        exponent = np.nan_to_num(self.exponent)[:, None]
        with np.errstate(over="ignore"):
            log_fall = self.log_scale[:, None] - exponent * np.log(_batch(x))
            return np.asarray(np.exp(log_fall))

    def solve(self, y: ArrayLike) -> Floats:
        """The x at which the law reaches ``y``; infinite at or below the floor. (R, M)."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            above = np.log(np.maximum(_batch(y) - self.floor[:, None], 0.0))
            found = np.exp((self.log_scale[:, None] - above) / self.exponent[:, None])
        return np.asarray(np.where(np.isnan(found), np.inf, found))


def power_law_with_floor(
    x: ArrayLike,
    y: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    objective: Objective = "squares",
    exponents: tuple[float, float] | None = None,
) -> FloorFit:
    """Fit y = k x^(−γ) + E with k, E ≥ 0 and γ > 0 to one data set or to a batch of them.

    Args:
        x: (K,) shared by all data sets, or (R, K); positive.
        y: (K,) or (R, K). Points that are NaN do not count.
        weights: (K,) or (R, K) of the squared residuals, such as inverse variances or how often a
            point was drawn; all one by default.
        objective: ``squares`` of y − law, ``relative`` squares of (y − law) / y, or squares of
            ``log`` y − log law. The last two need positive y.
        exponents: least and largest γ that is looked for; by default everything that the span of x
            can show.

    Raises:
        InputError: shapes do not agree, x is not positive, a weight is negative, an unknown
            objective, or y is not positive where its logarithm is needed.
    """
    log_x, data, counts = _checked(x, y, weights, objective)
    low, high = _range(log_x, exponents)
    problem = _Problem(log_x - log_x.min(), data, counts, objective)
    grid = np.geomspace(low, high, COARSE)
    value = problem.at(grid[None, :], COARSE_TOLERANCE).value
    best = np.argmin(value, axis=1)
    left, right = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, COARSE - 1)]
    exponent, settled = _root(problem, left, right)
    found = problem.at(exponent[:, None])
    scale, floor = found.scale[:, 0], found.floor[:, 0]
    flat = scale <= 0
    few = _different(log_x, counts) < 3
    status = np.where(settled, "converged", "not_converged").astype("U13")
    at_end = (exponent <= low * (1 + 1e-9)) | (exponent >= high * (1 - 1e-9))
    status[at_end], status[flat], status[few] = "at_bound", "flat", "too_few"
    with np.errstate(divide="ignore", invalid="ignore"):
        log_scale = np.log(scale) + np.where(flat, 0.0, exponent) * log_x.min()
    missing = np.where(few, np.nan, 0.0)
    return FloorFit(
        log_scale=log_scale + missing,
        exponent=np.where(flat, np.nan, exponent) + missing,
        floor=floor + missing,
        objective=found.value[:, 0] + missing,
        status=status,
    )


@dataclass(frozen=True)
class _Solved:
    """The best pair at given exponents; arrays (R, G)."""

    scale: Floats
    floor: Floats
    value: Floats
    slope: Floats


@dataclass(frozen=True)
class _Problem:
    """Data sets whose law is to be found; ``log_x`` starts at 0."""

    log_x: Floats
    y: Floats
    weights: Floats
    objective: str

    def at(self, exponent: Floats, tolerance: float = TOLERANCE) -> _Solved:
        """Best scale and floor at ``exponent`` ((R, G) or (1, G)), the objective, its slope."""
        fall = -exponent[:, :, None] * self.log_x[:, None, :]
        less = np.expm1(fall)  # x^(−γ) − 1 keeps its digits where x^(−γ) is nearly 1
        y, weights = np.nan_to_num(self.y)[:, None, :], self.weights[:, None, :]
        if self.objective != "squares":
            scaled = np.divide(weights, y**2, out=np.zeros_like(weights), where=y > 0)
            if self.objective == "log":
                return self._logarithmic(less, y, weights, _pair(less, y, scaled), tolerance)
            weights = scaled
        scale, floor = _pair(less, y, weights)
        left_over = y - scale[..., None] * (1 + less) - floor[..., None]
        value = (weights * left_over**2).sum(axis=2)
        slope = 2 * scale * (weights * left_over * (1 + less) * self.log_x[:, None, :]).sum(axis=2)
        return _Solved(scale, floor, value, slope)

    def _logarithmic(
        self,
        less: Floats,
        y: Floats,
        weights: Floats,
        start: tuple[Floats, Floats],
        tolerance: float,
    ) -> _Solved:
        """Squares of ln y − ln law: repeated linear problems, as in Gauss and Newton's method."""
        y = np.where(y > 0, y, 1.0)
        scale, floor = start
        law = scale[..., None] * (1 + less) + floor[..., None]
        tiny = 1e-9 * y.min(axis=2, keepdims=True)
        for _ in range(LINEARISATIONS):
            target = law * (1 + np.log(y / law))
            scale, floor = _pair(less, target, weights / law**2)
            after = np.maximum(scale[..., None] * (1 + less) + floor[..., None], tiny)
            moved = np.abs(after / law - 1).max(initial=0.0)
            law = after
            if moved < tolerance:
                break
        left_over = np.log(y / law)
        value = (weights * left_over**2).sum(axis=2)
        pull = weights * left_over / law * (1 + less) * self.log_x[:, None, :]
        return _Solved(scale, floor, value, 2 * scale * pull.sum(axis=2))


def _pair(less: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Non-negative least squares of y against (1 + ``less``, 1): (scale, floor), each (R, G)."""
    total = weights.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_less = (weights * less).sum(axis=-1) / total
        mean_y = (weights * y).sum(axis=-1) / total
        off = less - mean_less[..., None]
        spread = (weights * off**2).sum(axis=-1)
        scale = (weights * off * (y - mean_y[..., None])).sum(axis=-1) / spread
        floor = mean_y - scale * (1 + mean_less)
        basis = 1 + less
        squares = (weights * basis**2).sum(axis=-1)
        alone = np.maximum((weights * basis * y).sum(axis=-1) / squares, 0.0)
    inside = (scale >= 0) & (floor >= 0)
    rising = ~(scale > 0)
    scale = np.where(inside, scale, np.where(rising, 0.0, alone))
    floor = np.where(inside, floor, np.where(rising, np.maximum(mean_y, 0.0), 0.0))
    return scale, floor


def _root(problem: _Problem, left: Floats, right: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The exponent at which the profiled objective is lowest between two others. (R,) each.

    A bracketed secant (the Illinois variant), which bisects where it gains too little.
    """
    low, high = np.log(left), np.log(right)
    at_low, at_high = _slope(problem, low), _slope(problem, high)
    moved_high = np.zeros(len(low), dtype=bool)
    moved_low = moved_high.copy()
    for step in range(1, ROOT_STEPS):
        bisect_every = 5 if step < ROOT_STEPS // 3 else 2  # towards the end rounding leads secants
        with np.errstate(divide="ignore", invalid="ignore"):
            guess = low - at_low * (high - low) / (at_high - at_low)
        poor = ~((guess > low) & (guess < high)) | (step % bisect_every == 0)
        guess = np.where(poor, (low + high) / 2, guess)
        slope = _slope(problem, guess)
        rises, exact = slope > 0, slope == 0
        low, high = np.where(rises, low, guess), np.where(rises | exact, guess, high)
        at_low = np.where(rises, at_low / np.where(moved_high, 2, 1), slope)
        at_high = np.where(rises, slope, at_high / np.where(moved_low, 2, 1))
        moved_high, moved_low = rises, ~rises
        if (high - low < TOLERANCE).all():
            break
    return np.exp((low + high) / 2), high - low < SETTLED


def _slope(problem: _Problem, log_exponent: Floats) -> Floats:
    return problem.at(np.exp(log_exponent)[:, None]).slope[:, 0]


def _batch(values: ArrayLike) -> Floats:
    """At least two axes: (1, M) for values that all data sets share."""
    return np.atleast_2d(np.asarray(values, dtype=float))


def _checked(
    x: ArrayLike, y: ArrayLike, weights: ArrayLike | None, objective: str
) -> tuple[Floats, Floats, Floats]:
    """ln x (1 or R, K), y (R, K) and weights (R, K), zero where y is missing."""
    if objective not in OBJECTIVES:
        raise InputError(f"expected an objective {allowed(OBJECTIVES)}, got {objective!r}")
    places, data = _batch(x), _batch(y)
    counts = np.ones_like(data) if weights is None else _batch(weights)
    try:
        rows, columns = np.broadcast_shapes(places.shape, data.shape, counts.shape)
    except ValueError:
        raise InputError(
            "expected x, y and weights of K values, or of R data sets with K values each, got "
            f"shapes {places.shape}, {data.shape} and {counts.shape}"
        ) from None
    if not ((places > 0) & np.isfinite(places)).all():
        raise InputError(f"expected x above 0, got {float(np.min(places)):g}")
    if not (counts >= 0).all():
        raise InputError(f"expected weights of 0 or more, got {float(np.min(counts)):g}")
    data = np.broadcast_to(data, (rows, columns))
    counts = np.where(np.isnan(data), 0.0, np.broadcast_to(counts, (rows, columns)))
    if objective != "squares" and (data <= 0).any():
        raise InputError(
            f"expected y above 0 for the objective {objective!r}, got {np.nanmin(data):g}"
        )
    return np.log(places), data, counts


def _range(log_x: Floats, exponents: tuple[float, float] | None) -> tuple[float, float]:
    if exponents is not None:
        if not 0 < exponents[0] < exponents[1] < np.inf:
            raise InputError(
                f"expected two exponents above 0, the lower one first, got {exponents}"
            )
        return exponents
    span = float(np.ptp(log_x))
    return (FALLS[0] / span, FALLS[1] / span) if span > 0 else FALLS


def _different(log_x: Floats, weights: Floats) -> NDArray[np.int64]:
    """How many different x count in each data set. (R,)."""
    places, inverse = np.unique(log_x, return_inverse=True)
    inverse = np.broadcast_to(inverse.reshape(log_x.shape), weights.shape)
    seen = np.zeros((len(weights), len(places)), dtype=bool)
    rows = np.broadcast_to(np.arange(len(weights))[:, None], weights.shape)
    seen[rows[weights > 0], inverse[weights > 0]] = True
    return np.asarray(seen.sum(axis=1))
