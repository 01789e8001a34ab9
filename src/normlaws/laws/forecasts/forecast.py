"""Forecasts with prediction intervals, from what a fit computed under every resample."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np

from normlaws.arrays import Floats
from normlaws.errors import InputError
from normlaws.laws.data.grid import Panel
from normlaws.laws.estimators.bootstrap import estimate, widened
from normlaws.laws.estimators.resampled_fit import Samples
from normlaws.laws.forecasts.clocked import Clocked, rms
from normlaws.laws.forecasts.unfinished import from_partial
from normlaws.laws.result import Estimate, Forecast, Forecasts

Found = TypeVar("Found")


def each(of: Callable[[float], Found], value: float | Iterable[float]) -> Found | list[Found]:
    """``of`` a number, or of every number of a sequence."""
    if isinstance(value, Iterable) and getattr(value, "ndim", 1) != 0:
        found = [of(float(one)) for one in value]
        if found and isinstance(found[0], Forecast):
            return Forecasts(found)  # type: ignore[arg-type,return-value]
        return found
    return of(float(value))  # type: ignore[arg-type]


def forecast(
    found: Samples,
    size: float,
    ceiling: float = np.inf,
    clock: tuple[Clocked, Floats] | None = None,
) -> Forecast:
    """Lowest error and its log norm for one new run of ``size`` examples.

    A size that is still being trained is forecast from where its curve stands; any other from the
    size law. Neither is above what a size no larger, but larger than all in that law, has reached
    already, nor the interval above that of one new run there. The interval holds the resampling of
    seeds, the error of the form (drift of past forecasts, distance to another form) and the spread
    of single runs; nothing exceeds ``ceiling``.
    An unfinished size is followed along ``clock`` (the norm by default), whose past errors take the
    place of the form's.
    """
    log_p = _log_size(size)
    log_norm = late_norms(found, log_p)
    running = running_size(found, size)
    log_error, form = found.size_law.log_error(np.array([log_p]))[:, 0], found.form.error(log_p)
    if running is not None:
        partial, past = unfinished(found, running, log_norm), np.zeros(0)
        if clock is not None:
            partial, past = clock[0].optimum_of(running), clock[1]
        if np.isfinite(partial[0]):
            log_error = np.where(np.isfinite(partial), partial, log_error)
            form = float(np.nan_to_num(rms(past)))
    bound, bounded_by = reached(found, log_p)
    bounded_by = bounded_by if bound[0] < log_error[0] else None
    log_error = np.fmin(log_error, bound)
    spread = run_spread(found.panel, found.panel.opt_error)
    ahead = widened(estimate(log_error, found.freedom), float(np.hypot(form, spread)))
    known = widened(estimate(bound, found.freedom), spread)
    return Forecast(
        size=float(size),
        error=exponentiated(capped(ahead, known), ceiling),
        log_norm=_late_estimate(found, log_norm),
        bounded_by=bounded_by,
    )


def capped(ahead: Estimate, known: Estimate) -> Estimate:
    """An interval that ends where that of a larger error does."""
    if ahead.high is None or known.high is None or not known.high > ahead.value:
        return ahead
    return ahead._replace(high=min(ahead.high, known.high))


def stopping_norm(found: Samples, size: float) -> Estimate:
    """Ln λ at which one new run of ``size`` examples has its lowest error."""
    return _late_estimate(found, late_norms(found, _log_size(size)))


def size_for_error(found: Samples, error: float) -> Estimate:
    """Training examples at which the lowest error is ``error``; infinite where it is never reached.

    Raises:
        InputError: the error is not positive.
    """
    if not error > 0:
        raise InputError(f"expected a target error above 0, got {error:g}")
    target = float(np.log(error))
    log_p = found.size_law.log_size(target)
    for k in beyond(found):
        log_p = np.where(found.log_error[:, k] <= target, np.fmin(log_p, found.log_sizes[k]), log_p)
    if not np.isfinite(log_p[0]):
        return Estimate(float("inf"))
    slope = float(found.size_law.parameters[0, 1])
    extra = found.form.error(float(log_p[0])) / max(slope, 1e-9)
    return exponentiated(widened(estimate(log_p, found.freedom), extra))


def late_norms(found: Samples, log_p: float) -> Floats:
    """The late law's ln λ_opt under every resample. (B,)."""
    return np.asarray(found.late[:, 0] + found.late[:, 1] * log_p)


def beyond(found: Samples) -> list[int]:
    """Indices of the sizes above all in the size law, whose lowest error bounds their optimum."""
    largest = found.log_sizes[found.used].max(initial=-np.inf)
    return np.flatnonzero(found.log_sizes > largest).tolist()


def reached(found: Samples, log_p: float) -> tuple[Floats, float | None]:
    """The least mean ln ε (B,) that sizes beyond the law, up to ``log_p``, came to; that size."""
    below = [k for k in beyond(found) if found.log_sizes[k] <= log_p]
    if not below:
        return np.full(len(found.log_error), np.inf), None
    errors = found.log_error[:, below]
    lowest = below[int(np.argmin(np.nan_to_num(errors[0], nan=np.inf)))]
    return np.fmin.reduce(errors, axis=1, initial=np.inf), float(found.panel.sizes[lowest])


@np.errstate(divide="ignore", invalid="ignore")
def unfinished(found: Samples, k: int, expected_norm: Floats) -> Floats:
    """Ln ε_opt of a size still in training. (B,)."""
    return from_partial(
        found.panel.grid,
        found.curves,
        found.used,
        found.log_norm,
        found.log_error,
        found.curves[:, k],
        expected_norm,
    )


def run_spread(panel: Panel, values: Floats) -> float:
    """Pooled standard deviation over seeds of a value of single runs. ``values``: (R,)."""
    member = panel.member
    means = (member.T @ values) / member.sum(axis=0)
    freedom = len(values) - len(means)
    return float(np.sqrt(((values - member @ means) ** 2).sum() / freedom)) if freedom else 0.0


@np.errstate(divide="ignore", invalid="ignore")
def _late_estimate(found: Samples, log_norm: Floats) -> Estimate:
    used = found.used
    residual = found.log_norm[0, used] - (
        found.late[0, 0] + found.late[0, 1] * found.log_sizes[used]
    )
    form = float(np.sqrt((residual**2).sum() / max(used.sum() - 2, 1)))
    extra = float(np.hypot(form, run_spread(found.panel, found.panel.opt_norm)))
    return widened(estimate(log_norm, found.freedom), extra)


def running_size(found: Samples, size: float) -> int | None:
    """Index of a size none of whose runs is complete; None for any other."""
    here = np.flatnonzero((found.panel.sizes == size) & ~found.finished)
    return int(here[0]) if len(here) else None


def _log_size(size: float) -> float:
    if not size > 0:
        raise InputError(f"expected a training-set size above 0, got {size:g}")
    return float(np.log(size))


@np.errstate(over="ignore")
def exponentiated(found: Estimate, ceiling: float = np.inf) -> Estimate:
    """A value and its interval from their natural logarithms; nothing exceeds ``ceiling``."""
    low, high = (
        None if bound is None else min(float(np.exp(bound)), ceiling) for bound in found[1:]
    )
    return Estimate(min(float(np.exp(found.value)), ceiling), low, high)
