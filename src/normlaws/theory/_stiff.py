"""Stiff flows to given times: LSODA with the Jacobian, whose steps end at every time."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from scipy.integrate import ODEintWarning, odeint

from normlaws.arrays import Floats

STEPS = 10**5  # between two times, after which the integration is given up
ROUNDING = 1e-12  # relative, of the time at which a step ends


def follow(
    speed: Callable[[Floats], Floats],
    jacobian: Callable[[Floats], Floats],
    start: Floats,
    times: Floats,
    *,
    rtol: float,
    atol: float | Floats,
) -> Floats:
    """States (times, n) of x' = speed(x) from ``start`` at time 0.

    The times are critical points, so steps end there: a dense output is less accurate than the
    steps are. The integration goes on with the order and the step that it had.

    Args:
        speed: (n,) to (n,).
        jacobian: (n,) to (n, n).
        start: (n,).
        times: not negative, ascending.
        rtol: of a step.
        atol: of a step.

    Returns:
        NaN from the first time that the integration does not reach.
    """
    states = np.full((len(times), len(start)), np.nan)
    late = np.flatnonzero(times > 0)
    states[: len(times) - len(late)] = start
    if not late.size:
        return states
    later, back = np.unique(times[late], return_inverse=True)
    with np.errstate(over="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ODEintWarning)  # told by NaN
        path, report = odeint(
            lambda x, _: speed(x), start, np.concatenate([[0.0], later]),
            Dfun=lambda x, _: jacobian(x), tcrit=later, rtol=rtol, atol=atol, mxstep=STEPS,
            full_output=True,
        )  # fmt: skip
    reached = (report["tcur"] >= later * (1 - ROUNDING)) & np.isfinite(path[1:]).all(axis=1)
    good = np.logical_and.accumulate(reached)
    path[1:][~good] = np.nan
    states[late] = path[1:][back]
    return states
