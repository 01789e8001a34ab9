"""Where training ends: the limit t → ∞, and the largest rate of the flow."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize_scalar

from normlaws.theory.random_features.observables import PairSums, memory_ends, variances
from normlaws.theory.random_features.resolvent import Ridge

LATE = 1e3  # times over the last relaxation time after which nothing changes any more


def diverges(of: Ridge) -> bool:
    """Whether loss and norm grow for ever: P = N, with more modes than either."""
    return of.size == of.width and of.limit > 0


def at_the_end(of: Ridge, noise: float) -> dict[str, float]:
    """Losses and norm at t → ∞, by their names in ``FeatureLimit``."""
    names = ("bias", "data_variance", "feature_variance", "joint_variance")
    modes, limit = of.modes, of.limit
    if diverges(of):
        return dict.fromkeys((*names, "test_loss", "norm"), math.inf) | {
            "bias": float(_sum(of, modes.power * limit**2, 2)),
            "train_loss": 0.0,
        }
    lam, power = modes.variance, modes.power
    bias = _sum(of, power * limit**2, 2)
    sums = PairSums(
        s1=np.asarray(_sum(of, lam, 2)),
        s2=np.asarray(_sum(of, lam**2, 2)),
        bias=np.asarray(bias),
        t2=np.asarray(_sum(of, power * lam, 2)),
    )
    product, (by_size, by_width) = np.asarray(limit**2), of.inverses
    determinant = (1 - by_size * sums.s2) * (1 - by_width * sums.s2)
    determinant = determinant - product * sums.s1**2 * by_size * by_width
    parts = [float(part) for part in variances(of, noise, product, sums, determinant)]
    return {
        "test_loss": bias + sum(parts),
        "train_loss": memory_ends(of, noise)[1],
        "norm": math.sqrt(_squared_norm(of, noise)),
        **dict(zip(names, [bias, *parts], strict=True)),
    }


def _sum(of: Ridge, values: np.ndarray, order: int) -> float:
    return float(of.modes.weight @ (values / (of.modes.variance + of.limit) ** order))


def slope_at_zero(of: Ridge) -> float:
    """dz/dκ at κ0."""
    one_size, one_width = of.remainder
    pulled = _sum(of, of.modes.variance, 2)
    change = one_size * pulled / of.width + one_width * pulled / of.size
    return one_size * one_width + of.limit * change


def _squared_norm(of: Ridge, noise: float) -> float:
    """(z m̂ − m(∞))/z at z = 0."""
    modes = of.modes
    left = of.limit * _sum(of, modes.power, 1) + noise
    learned = of.remainder[0] * _sum(of, modes.power * modes.variance, 2)
    return (learned + _sum(of, modes.variance, 2) / of.size * left) / slope_at_zero(of)


def last_time(of: Ridge) -> float:
    """A time after which the test loss has its final value."""
    if not of.limit:
        return LATE / float(of.modes.variance.min())
    return LATE / (of.limit * max(slope_at_zero(of), 1e-6))


def largest_rate(of: Ridge) -> float:
    """The upper edge of the spectrum of the training dynamics, for P and N large."""
    modes, (by_size, by_width) = of.modes, of.inverses
    if not (by_size or by_width):
        return float(modes.variance.max())

    def place(log_gap: float) -> float:
        x = modes.variance.max() + math.exp(log_gap)
        pull = modes.weight @ (modes.variance / (x - modes.variance))
        return float(x * (1 + by_size * pull) * (1 + by_width * pull))

    found = minimize_scalar(place, bounds=(-30.0, 10.0), method="bounded", options={"xatol": 1e-10})
    return float(found.fun)
