"""Where a run's error is lowest: between records, chosen on validation, scored on the metric."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.data.runs import Run

NEAR = 0.05  # records whose choice metric lies within 5 % of the lowest shape the local fit
ORDERS = range(2, 9)  # of differences that tell noise from a smooth curve
FINE = 41  # points between two records at which the local fit is read


@dataclass(frozen=True)
class Optimum:
    """Best point of one run.

    Attributes:
        log_norm: ln λ_opt.
        log_error: ln ε_opt.
        censored: the lowest point is the end of what was recorded, or an unfinished run has not
            clearly risen: training may not have reached its optimum. A lowest error that is met
            again at the end levels off and is no fall.
        at_start: the error is lowest where the curve begins.
        rise: ln(error at the end / error at the optimum), on the choice metric.
        noise: scatter of one record, in ln error.
        barely: the lowest point is the last record but one, so that a single record has risen.
    """

    log_norm: float
    log_error: float
    censored: bool
    at_start: bool
    rise: float
    noise: float
    barely: bool = False


def roughness(y: Floats) -> float:
    """Standard deviation of the record-to-record noise of a smooth curve, from second differences.

    The median absolute second difference, so that a few bends count little.
    """
    if len(y) < 5:
        return 0.0
    return float(np.median(np.abs(np.diff(y, 2))) / 0.6745 / np.sqrt(6.0))


def finest(y: Floats) -> float:
    """The least record-to-record noise that differences of order 2 to 8 allow.

    Noise is the same in every order, whereas what a smooth curve adds shrinks with it.
    """
    orders = [order for order in ORDERS if len(y) >= order + 3]
    noise = [
        np.median(np.abs(np.diff(y, order))) / 0.6745 / np.sqrt(comb(2 * order, order))
        for order in orders
    ]
    return float(min(noise, default=np.inf))


def optimum(run: Run) -> Optimum:
    """Find the lowest point of ``run``.

    The lowest of the lightly smoothed choice metric is refined by a local cubic in the record
    index, which needs no monotone norm; the metric is read from a local cubic too, so the scatter
    of single records does not pull it down. A curve without a seed is an average or exact
    already: there the lowest recorded value itself is taken.
    """
    v, n = run.log_choice, len(run.log_choice)
    smooth = _smoothed(v)
    lowest = int(np.argmin(smooth)) if run.seed is not None else int(np.argmin(v))
    noise = roughness(v)
    near = _neighbourhood(smooth, lowest, max(NEAR, 2 * noise))
    place = _lowest_between(near, v[near])
    log_error = float(_local(near, run.log_error[near], place))
    if run.seed is None:
        log_error = float(run.log_error[int(np.argmin(v))])
    rise = float(np.mean(v[-2:]) - _local(near, v[near], place))
    if place > n - 1.5 and (tied := _met_before(v)) is not None:
        place = tied
        log_error = float(run.log_error[int(tied)])
        rise = 0.0
    ends = place > n - 1.5
    unrisen = run.status == "unfinished" and rise < max(NEAR, 2 * noise)
    return Optimum(
        log_norm=float(np.interp(place, np.arange(n), run.log_norm)),
        log_error=log_error,
        censored=bool(ends or unrisen),
        barely=bool(not ends and place > n - 2.5),
        at_start=place < 0.5,
        rise=rise,
        noise=noise,
    )


def _met_before(v: Floats) -> float | None:
    """The first record that has the lowest value, where the end only meets it again."""
    first = int(np.argmin(v))
    return float(first) if first < len(v) - 2 and v[-2:].min() <= v[first] else None


def _smoothed(v: Floats) -> Floats:
    inner = (v[:-2] + 2 * v[1:-1] + v[2:]) / 4
    return np.concatenate([[v[:2].mean()], inner, [v[-2:].mean()]])


def _neighbourhood(smooth: Floats, lowest: int, within: float) -> np.ndarray:
    """Contiguous records around the lowest, at most 4 to a side, at least 1 where there is one."""
    low = high = lowest
    limit = smooth[lowest] + within
    while low > 0 and lowest - low < 4 and (lowest - low < 1 or smooth[low - 1] < limit):
        low -= 1
    last = len(smooth) - 1
    while high < last and high - lowest < 4 and (high - lowest < 1 or smooth[high + 1] < limit):
        high += 1
    return np.arange(low, high + 1)


def _local(index: np.ndarray, y: Floats, at: float) -> Floats:
    """The local polynomial of neighbouring records ``index`` (n,), read ``at`` one place."""
    coefficients = _polynomial(len(index)) @ y
    return np.polyval(coefficients, at - index.mean())


def _lowest_between(index: np.ndarray, v: Floats) -> float:
    fine = np.linspace(index[0], index[-1], FINE * (len(index) - 1) + 1)
    return float(fine[np.argmin(_between(len(index)) @ v)])


@lru_cache
def _polynomial(n: int) -> Floats:
    """What maps n neighbouring values to the coefficients of their polynomial, highest first.

    Least squares, of degree 3 from seven values on, 2 before; places are counted from the middle.
    """
    degree = 3 if n >= 7 else min(2, n - 1)
    return np.asarray(np.linalg.pinv(np.vander(np.arange(n) - (n - 1) / 2, degree + 1)))


@lru_cache
def _between(n: int) -> Floats:
    """What maps n neighbouring values to their polynomial at all fine places between them."""
    half = (n - 1) / 2
    fine = np.linspace(-half, half, FINE * (n - 1) + 1)
    coefficients = _polynomial(n)
    return np.asarray(np.vander(fine, len(coefficients)) @ coefficients)
