"""From the lowest errors of the sizes at hand to sizes not yet run.

Three forms compete: a power law, a power law with an irreducible error, and a power law in which
a size counts e times less for every e-fold that it lies below the largest (the smallest sizes are
often not yet in the scaling regime). Which one is used is settled by forecasting what is already
known: each form is fitted to the smallest n sizes and scored on the rest, for every n (rolling
origin). The contest is held anew in every resample. Everything is batched over resamples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from normlaws.arrays import Flags, Floats
from normlaws.laws.estimators.least_squares import (
    Normal,
    Rows,
    Search,
    Solution,
    least_squares,
    straight_line,
)

FORMS = ("power", "power_offset", "local_power")
FIRST = 4  # sizes that the first forecast of a contest rests on
FEWEST = 3  # sizes that it rests on where there are but four; no form is chosen by one forecast
BETTER = 0.95  # a form replaces the plain power law where its error is this much lower
SEARCH = Search(steps=15, longest=1.0, rise=5.0)


@dataclass(frozen=True)
class SizeLaw:
    """ln ε_opt against ln P under each row of weights.

    Attributes:
        theta: (B, F, 3) log_k, γ and ln offset (−inf without) of every form; ln P centred.
        chosen: (B,) index into ``FORMS``.
        centre: ln P subtracted before fitting.
        largest: ln P of the largest size.
        sizes: K.
        origins: how many times a contest was held.
        contest: (B, F) mean |ln(predicted/actual)| of each form; NaN with too few sizes.
        drift: (B,) root mean square of contest errors of the chosen form per √(ln P).
        lean: (B,) the same per ln P.
    """

    theta: Floats
    chosen: NDArray[np.int64]
    centre: float
    largest: float
    sizes: int
    origins: int
    contest: Floats
    drift: Floats
    lean: Floats

    @property
    def form(self) -> str:
        """The form chosen on the data."""
        return FORMS[int(self.chosen[0])]

    @property
    def parameters(self) -> Floats:
        """Parameters of the chosen forms. (B, 3)."""
        return self.theta[np.arange(len(self.theta)), self.chosen]

    def log_error(self, log_p: Floats) -> Floats:
        """Ln ε_opt. (n,) -> (B, n)."""
        return predict(self.parameters, np.asarray(log_p, dtype=float) - self.centre)

    def of_data(self, log_p: Floats) -> Floats:
        """Ln ε_opt on the data. (n,) -> (n,)."""
        x = np.asarray(log_p, dtype=float) - self.centre
        return np.asarray(predict(self.parameters[:1], x)[0])

    def log_size(self, log_error: float) -> Floats:
        """Ln P at which an error is reached; infinite where it never is. (B,)."""
        a, gamma, offset = self.parameters.T
        with np.errstate(invalid="ignore", divide="ignore"):
            excess = np.log(np.exp(log_error) - np.exp(offset))
            found = (a - excess) / gamma + self.centre
        return np.where((gamma > 0) & np.isfinite(excess), found, np.inf)


def fit_size_law(log_p: Floats, log_error: Floats) -> SizeLaw:
    """Fit all forms, hold the contest, choose. (K,), (B, K)."""
    centre = float(log_p.mean())
    x = log_p - centre
    theta = _all_forms(x, log_error)
    first = FIRST if len(x) > FIRST else FEWEST
    contest, drift, lean = _contest(x, log_error, first)
    chosen = np.zeros(len(log_error), dtype=np.int64)
    if first == FIRST and np.isfinite(contest).any():
        handicap = np.where(np.arange(len(FORMS)) == 0, BETTER, 1.0)
        chosen = np.argmin(np.where(np.isfinite(contest), contest * handicap, np.inf), axis=1)
    return SizeLaw(
        theta=theta,
        chosen=chosen,
        centre=centre,
        largest=float(log_p.max()),
        sizes=len(log_p),
        origins=max(len(log_p) - first, 0),
        contest=contest,
        drift=drift[np.arange(len(chosen)), chosen],
        lean=lean[np.arange(len(chosen)), chosen],
    )


def _all_forms(x: Floats, y: Floats) -> Floats:
    plain = _line(x, y, np.ones_like(x))
    local = _line(x, y, np.exp(x - x.max()))
    return np.stack([plain, _offset(x, y, plain), local], axis=1)


@np.errstate(divide="ignore", invalid="ignore")
def predict(theta: Floats, x: Floats) -> Floats:
    """Ln ε at centred ln P. (B, 3), (n,) or (B, n) -> (B, n)."""
    return np.logaddexp(theta[:, :1] - theta[:, 1:2] * x, theta[:, 2:])


def _line(x: Floats, y: Floats, weight: Floats) -> Floats:
    constant, slope = straight_line(x, y, weight)
    return np.stack([constant, -slope, np.full_like(slope, -np.inf)], axis=1)


def _offset(x: Floats, y: Floats, plain: Floats) -> Floats:
    """Damped least squares of ln ε for ε = k P^(−γ) + ε∞ from two offsets; the best wins."""
    known = np.isfinite(y)
    filled = np.where(known, y, 0.0)
    lowest = np.where(known, y, np.inf).min(axis=1, keepdims=True)
    best, best_cost = plain, np.full(len(y), np.inf)
    for share in (0.2, 0.8):
        start = lowest + np.log(share)
        rest = np.log(np.maximum(np.exp(y) - np.exp(start), 1e-12))
        theta = np.concatenate([_line(x, rest, np.ones_like(x))[:, :2], start], axis=1)
        found = _descend(theta, x, filled, known, lowest[:, 0])
        wins = found.cost < best_cost
        best = np.where(wins[:, None], found.theta, best)
        best_cost = np.where(wins, found.cost, best_cost)
    return best


def _descend(theta: Floats, x: Floats, y: Floats, known: Flags, lowest: Floats) -> Solution:
    def normal(trial: Floats, rows: Rows) -> Normal:
        fitted = predict(trial, x)
        share = np.exp(trial[:, :1] - trial[:, 1:2] * x - fitted)
        jacobian = np.stack([share, -share * x, 1 - share], axis=2)
        return Normal.of(jacobian, fitted - y[rows], known[rows].astype(float))

    def limit(trial: Floats, rows: Rows) -> Floats:
        trial[:, 1] = np.clip(trial[:, 1], 0.0, 5.0)
        trial[:, 2] = np.clip(trial[:, 2], np.log(1e-8), lowest[rows])
        return trial

    return least_squares(normal, theta, SEARCH, limit)


def _contest(x: Floats, y: Floats, first: int) -> tuple[Floats, Floats, Floats]:
    """Rolling-origin errors of all forms: mean |error|, rms per √horizon, per horizon. (B, F)."""
    errors, horizons = [], []
    for n in range(first, len(x)):
        theta = _all_forms(x[:n], y[:, :n])
        fitted = np.stack([predict(theta[:, f], x[n:]) for f in range(len(FORMS))], axis=1)
        errors.append(fitted - y[:, None, n:])
        horizons.append(x[n:] - x[n - 1])
    if not errors:
        none = np.full((len(y), len(FORMS)), np.nan)
        return none, np.zeros_like(none), np.zeros_like(none)
    error, horizon = np.concatenate(errors, axis=2), np.concatenate(horizons)
    drift, lean = (np.sqrt(known_mean(error**2 / horizon**power)) for power in (1, 2))
    return known_mean(np.abs(error)), drift, lean


def known_mean(values: Floats) -> Floats:
    """Mean along the last axis of what is not NaN; NaN where nothing is."""
    known = np.isfinite(values)
    return np.asarray(np.where(known, values, 0.0).sum(axis=-1) / known.sum(axis=-1))
