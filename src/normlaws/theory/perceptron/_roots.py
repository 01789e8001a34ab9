"""A root of each of many one-dimensional equations, all at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from normlaws.arrays import Floats


def bracketed_roots(
    function: Callable[[Floats], Floats],
    low: Floats,
    high: Floats,
    tolerance: float = 1e-13,
    iterations: int = 100,
) -> Floats:
    """Chandrupatla's method (1997) on arrays: inverse quadratic steps, bisection where unsafe.

    Args:
        function: elementwise, (points,) to (points,).
        low: one end of each bracket.
        high: the other end.
        tolerance: width, relative to max(1, |root|), at which a bracket counts as a root.
        iterations: at most so many evaluations.

    Returns:
        The roots; NaN where the ends have the same sign or a value is not finite.
    """
    b, a = np.array(low, dtype=float), np.array(high, dtype=float)
    c = a.copy()
    fa, fb = function(a), function(b)
    fc = fa.copy()
    bracketed = np.sign(fa) * np.sign(fb) <= 0
    part = np.full_like(a, 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(iterations):
            trial = a + part * (b - a)
            f_trial = function(trial)
            same = np.sign(f_trial) == np.sign(fa)
            c, fc = np.where(same, a, b), np.where(same, fa, fb)
            b, fb = np.where(same, b, a), np.where(same, fb, fa)
            a, fa = trial, f_trial
            best = np.where(np.abs(fa) < np.abs(fb), a, b)
            least = tolerance * np.maximum(1, np.abs(best)) / np.abs(b - a)
            if np.all((least > 0.5) | (fa == 0) | ~bracketed | np.isnan(fa)):
                break
            part = _next_part(a, b, c, fa, fb, fc, np.minimum(least, 0.5))
    return np.where(bracketed & np.isfinite(fa), np.where(fa == 0, a, best), np.nan)


def _next_part(
    a: Floats, b: Floats, c: Floats, fa: Floats, fb: Floats, fc: Floats, least: Floats
) -> Floats:
    xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
    quadratic = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
    step = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
    return np.clip(np.where(quadratic & np.isfinite(step), step, 0.5), least, 1 - least)
