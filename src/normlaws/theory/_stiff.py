"""Stiff flows to given times: Radau's method with the Jacobian, stopped at every time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

from normlaws.arrays import Floats


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

    Steps end at the times, since a dense output is less accurate than the steps are.

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
    here, now, stride = start, 0.0, None
    for index, time in enumerate(times):
        if time > now:
            first = None if stride is None else min(stride, time - now)
            with np.errstate(over="ignore", invalid="ignore"):
                found = solve_ivp(
                    lambda _, x: speed(x), (now, time), here, method="Radau",
                    jac=lambda _, x: jacobian(x), rtol=rtol, atol=atol, first_step=first,
                )  # fmt: skip
            if found.status != 0 or not np.all(np.isfinite(found.y[:, -1])):
                return states
            strides = np.diff(found.t)
            stride = float(strides[-2] if len(strides) > 1 else strides[-1])
            here, now = found.y[:, -1], time
        states[index] = here
    return states
