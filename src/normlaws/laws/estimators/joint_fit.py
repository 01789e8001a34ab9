"""The joint fit: the crossover through the mean curves of all sizes, under every resample.

It begins where learning begins, with the end of the plateau at chance in the model where curves
show one, and ends somewhat past each optimum. Norms are in units of the longest descent, so
that λ → λ^a changes nothing but units. Resamples start from the data's solution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from normlaws.arrays import Floats
from normlaws.curves import as_size
from normlaws.laws.data.grid import Bools, Panel
from normlaws.laws.estimators.crossover import (
    G0,
    G1,
    G2,
    KAPPA,
    LOG_CHANCE,
    LOG_W,
    NO_PLATEAU,
    Crossover,
    Data,
    evaluate,
    fit_crossover,
)
from normlaws.laws.estimators.early_window import EarlyFit
from normlaws.laws.estimators.least_squares import Solution

PAST = 0.2  # of the descent from the start to the optimum, fitted beyond the optimum
PAST_EXACT = 0.1  # the same of exact curves, where no noise has to be averaged out
PLATEAU_GAIN = 8.0  # of the cost, for which a plateau is taken into the model
THINNED, MANY = 3, 90  # of many points, one in three is used to choose among starts
KEPT = (4, 2)  # starts of either kind, without and with a plateau, that are followed further
ABOVE = 0.3  # ln error above where curves start, beyond which no plateau is put
LATER = 5  # steps from the data's solution to that of a resample
SCALE_FLOOR = 5e-3  # residuals below 0.5 % are never called outliers
MISFIT_ROWS = 100  # resamples that tell noise from what the model has wrong
MIN_SIZES, MIN_POINTS = 3, 15


@dataclass(frozen=True)
class Points:
    """What is fitted: centred ln λ and ln P (N,), ln error and weights (B, N)."""

    x: Floats
    p: Floats
    y: Floats
    weight: Floats
    log_irreducible: float

    def descend(
        self, theta: Floats, rows: np.ndarray, scale: float, iterations: int, at_chance: float
    ) -> Solution:
        """Fit from ``theta`` (S, 9) to the given rows of y (S,)."""
        data = Data(
            self.x,
            self.p,
            self.y[rows],
            self.weight[rows],
            scale,
            self.log_irreducible,
            _highest(at_chance),
        )
        return fit_crossover(data, theta, iterations)

    def thinned(self) -> Points:
        """Every third point, where they are many: enough to tell good starts from bad ones."""
        few = slice(None, None, THINNED if len(self.x) >= MANY else 1)
        return replace(
            self, x=self.x[few], p=self.p[few], y=self.y[:1, few], weight=self.weight[:1, few]
        )

    def residual(self, theta: Floats) -> Floats:
        """Data minus fit on the data, NaN outside the region. (N,)."""
        fitted = evaluate(theta[None], self.x, self.p, np.array([self.log_irreducible]))[0]
        return np.where(self.weight[0] > 0, self.y[0] - fitted, np.nan)


@dataclass(frozen=True)
class JointFit:
    """The crossover under each row of weights; row 0 is the data.

    Attributes:
        parameters: (B, 9).
        crossover: of the data.
        points: what was fitted, log norms in units of ``unit``.
        scaled: (9,) the data's parameters in that unit.
        scale: noise of a point, in ln error, of the robust loss.
        unit: the longest descent, in log norms.
        tolerance: scatter about a fit, in ln error, that is adequate.
        misfit: scatter that noise does not explain, in ln error: what the model has wrong.
    """

    parameters: Floats
    crossover: Crossover
    points: Points
    scaled: Floats
    scale: float
    unit: float
    tolerance: float
    misfit: float

    @property
    def gamma0(self) -> Floats:
        """γ0 of every resample. (B,)."""
        return self.parameters[:, G0]

    @property
    def gamma1(self) -> Floats:
        """γ1 of every resample. (B,)."""
        return self.parameters[:, G1]

    @property
    def gamma2(self) -> Floats:
        """γ2 of every resample. (B,)."""
        return self.parameters[:, G2]

    @property
    def rise(self) -> Floats:
        """δ of every resample. (B,)."""
        return np.asarray(np.exp(self.parameters[:, LOG_W]) - self.parameters[:, G1])


def joint_fit(
    panel: Panel,
    curves: Floats,
    early: EarlyFit,
    opt_norm: Floats,
    gamma2: Floats,
    log_irreducible: float = -np.inf,
) -> JointFit | None:
    """Fit the crossover to the mean curves of every resample.

    Args:
        panel: the study.
        curves: (B, K, G) mean ln error.
        early: windows and early law of every resample.
        opt_norm: (B, K) ln λ_opt.
        gamma2: (B,) slopes of ``opt_norm``; the starting values.
        log_irreducible: ln of an irreducible error held fixed; −inf for none.

    Returns:
        None where fewer than three sizes or 15 points are in the fitted region.
    """
    low = float(panel.grid[0])
    unit = float(np.nanmax(opt_norm[0])) - low
    region = _region(panel, curves, low, opt_norm)
    if not _enough(region[0]) or not np.isfinite(gamma2[0]) or not unit > 0:
        return None
    centre = (float(panel.grid.mean()), float(np.log(panel.sizes).mean()))
    floor = max(float(np.sqrt(np.mean(panel.noise**2))), SCALE_FLOOR)
    start = _at_chance(panel, curves[0])
    points = _points(panel, curves, region, centre, unit, log_irreducible)
    starts = _starts(early, opt_norm[0], float(gamma2[0]), centre, unit)
    best, scale = _best_start(points, starts, floor, start)
    everywhere = np.repeat(best[None], len(curves), axis=0)
    theta = points.descend(everywhere, np.arange(len(curves)), scale, LATER, start).theta
    theta[0] = best
    found = _crossover(panel, region[0], points, best, centre, floor)
    return JointFit(
        _in_log_norms(theta, unit),
        replace(found, parameters=_in_log_norms(best[None], unit)[0]),
        points,
        best,
        scale,
        unit,
        _tolerance(floor),
        found.scatter if panel.exact else _misfit(points, theta),
    )


def _in_log_norms(theta: Floats, unit: float) -> Floats:
    """Parameters for natural log norms, from those for log norms over ``unit``. (B, 9)."""
    out = theta.copy()
    out[:, G1] /= unit
    out[:, KAPPA] *= unit
    out[:, G2] *= unit
    out[:, LOG_W] -= np.log(unit)
    return out


def _highest(at_chance: float) -> float:
    """Ln of the highest error at chance: an error is at most 1."""
    return at_chance + ABOVE if at_chance > 0 else min(at_chance + ABOVE, 0.0)


def _at_chance(panel: Panel, curves: Floats) -> float:
    """Ln error where the curves start. (K, G) -> mean over sizes of their first value."""
    known = np.isfinite(curves) & panel.trusted
    first = [row[known[k]][0] for k, row in enumerate(curves) if known[k].any()]
    return float(np.mean(first))


def _enough(region: Bools) -> bool:
    return bool(region.any(axis=1).sum() >= MIN_SIZES and region.sum() >= MIN_POINTS)


def _region(panel: Panel, curves: Floats, low: float, opt_norm: Floats) -> Bools:
    """Points of the joint fit under each resample; the region is the data's. (B, K, G)."""
    known = np.isfinite(curves) & panel.trusted
    past = PAST_EXACT if panel.exact else PAST
    upper = opt_norm[0] + past * np.maximum(opt_norm[0] - low, 0.0)
    found: Bools = known & (panel.grid <= upper[:, None])
    return found


def _points(
    panel: Panel,
    curves: Floats,
    region: Bools,
    centre: tuple[float, float],
    unit: float,
    log_irreducible: float,
) -> Points:
    k, g = np.nonzero(region.any(axis=0))
    return Points(
        x=(panel.grid[g] - centre[0]) / unit,
        p=np.log(panel.sizes)[k] - centre[1],
        y=curves[:, k, g],
        weight=region[:, k, g].astype(float),
        log_irreducible=log_irreducible,
    )


def _starts(
    early: EarlyFit, opt_norm: Floats, gamma2: float, centre: tuple[float, float], unit: float
) -> Floats:
    gamma1 = max(float(np.nan_to_num(early.gamma1[0])) * unit, 0.02)
    gamma0 = float(np.nan_to_num(early.gamma0[0]))
    reference = early.constant[0] - early.gamma1[0] * centre[0] - gamma0 * centre[1]
    constant = float(np.nan_to_num(reference))
    middle = (float(np.nanmean(opt_norm)) - centre[0]) / unit
    descent = (float(np.nanmean(opt_norm)) - float(early.low[0])) / unit
    gamma2 /= unit
    starts = [
        [
            *(constant, gamma0, gamma1, middle - back * descent, gamma2),
            *(log_s, np.log(gamma1 * bend), NO_PLATEAU, np.log(4.0)),
        ]
        for back in (0.0, 0.3, 0.6)
        for log_s in (0.0, 1.4)
        for bend in (0.8, 1.3)
    ]
    found: Floats = np.nan_to_num(np.array(starts, dtype=float))
    return found


def _best_start(
    points: Points, starts: Floats, floor: float, at_chance: float
) -> tuple[Floats, float]:
    """Fit from several starts, first with a wide loss, then with one as wide as the residuals.

    The solution without a plateau gives way to one with a plateau where that is clearly better.
    """
    theta, scale = starts, 0.05
    bounded = starts.copy()
    bounded[:, LOG_CHANCE] = at_chance + 0.05
    theta = np.concatenate([starts, bounded])
    flat = np.arange(len(theta)) < len(starts)
    rows = np.zeros(len(theta), dtype=int)
    found = points.thinned().descend(theta, rows, scale, 12, at_chance)
    for count, iterations in zip(KEPT, (25, 40), strict=True):
        kept = np.concatenate(
            [kind[np.argsort(found.cost[kind])[:count]] for kind in (_where(flat), _where(~flat))]
        )
        theta, rows, flat = found.theta[kept], rows[kept], flat[kept]
        found = points.descend(theta, rows, scale, iterations, at_chance)
        cost = np.where(flat, found.cost, found.cost + PLATEAU_GAIN)
        best = found.theta[np.argmin(cost)]
        scale = max(float(np.nanmedian(np.abs(points.residual(best)))) / 0.6745, floor)
    return best, scale


def _tolerance(floor: float) -> float:
    return 1.5 * floor + 0.02


def _misfit(points: Points, theta: Floats) -> float:
    """Root mean square of the residuals beyond noise, at its upper bound; 0 without resamples.

    The residuals of a resample hold the model's error once and the noise twice, those of the data
    either once. Noise that goes along whole curves has few degrees of freedom, so the difference is
    badly known and often negative: a standard deviation of it is added. (B, 9), in the units of
    the points.
    """
    rows = slice(1, 1 + MISFIT_ROWS)
    few = np.concatenate([theta[:1], theta[rows]])
    if len(few) < 2:
        return 0.0
    data = np.concatenate([points.y[:1], points.y[rows]])
    weight = np.concatenate([points.weight[:1], points.weight[rows]])
    irreducible = np.full(len(few), points.log_irreducible)
    off = np.where(weight > 0, data - evaluate(few, points.x, points.p, irreducible), np.nan)
    squares = np.nanmean(off**2, axis=1)
    low, middle, high = np.quantile(squares[1:], (0.16, 0.5, 0.84))
    return float(np.sqrt(max(2 * squares[0] - middle + (high - low) / 2, 0.0)))


def _where(which: Bools) -> np.ndarray:
    return np.flatnonzero(which)


def _crossover(
    panel: Panel,
    region: Bools,
    points: Points,
    theta: Floats,
    centre: tuple[float, float],
    floor: float,
) -> Crossover:
    scatter = float(np.sqrt(np.nanmean(points.residual(theta) ** 2)))
    upper = {
        as_size(size): float(panel.grid[row].max())
        for size, row in zip(panel.sizes, region, strict=True)
        if row.any()
    }
    return Crossover(
        parameters=theta,
        centre=centre,
        log_irreducible=points.log_irreducible,
        scatter=scatter,
        adequate=scatter <= _tolerance(floor),
        lower=float(panel.grid[region.any(axis=0)].min()),
        upper=upper,
    )
