"""An independent, slow solver: adaptive quadrature in the fresh margin t, a scalar root per prox.

Shares no code with the library. ``solve`` is about a second a point.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq, root
from scipy.special import ndtr

ROOT_2PI = np.sqrt(2 * np.pi)


def shift(x, b):
    """P(x) − x from ln q + softplus(x + q) = b, by bisection in ln q."""

    def excess(u):
        return u + np.logaddexp(0, x + np.exp(u)) - b

    high = min(b, np.log(max(b - x, 1.0))) + 1e-9
    low = high - 1
    while excess(low) > 0:
        low -= 2 * (high - low)
    return np.exp(brentq(excess, low, high, xtol=1e-15, rtol=1e-15))


def integral(f, low, high, corners):
    ends = [low, *sorted(c for c in set(corners) if low < c < high), high]
    return sum(quad(f, p, q, epsabs=0, epsrel=1e-11, limit=200)[0] for p, q in pairwise(ends))


def residuals(alpha, norm, a, b, flip):
    """(a) and (b) of THEORY in logarithms; tan θ = e^a, χ = e^b."""
    theta = np.arctan(np.exp(a))
    s, rho = np.sin(theta), np.cos(theta)
    kink = b / norm
    corners = [0, 1, -1, 3, kink]
    corners += [k * s for k in (-3, -1, 1, 3)]
    corners += [k / norm for k in (1, 5, 20)] + [kink + k / norm for k in (-5, -1, 1, 5, 20)]

    def density(t):
        return 2 * np.exp(-t * t / 2) / ROOT_2PI * (flip + (1 - 2 * flip) * ndtr(rho / s * t))

    low = -9.0 if flip else -9 * s
    noise = integral(lambda t: density(t) * shift(norm * t, b) ** 2, low, 9.0, corners)
    pull = integral(
        lambda z: np.exp(-z * z / 2) / ROOT_2PI * shift(norm * s * z, b),
        -9.0, 9.0, [c / s for c in corners],
    )  # fmt: skip
    m = np.sqrt(2 / np.pi) * (1 - 2 * flip)
    return np.log(alpha * noise) - 2 * np.log(norm * s), np.log(alpha * m * pull / (norm * rho))


def solve(alpha, norm, start, flip=0.0):
    """ε, from a start (a, b) in the neighbourhood."""
    scale = np.array([1.0, max(1.0, abs(start[1]))])
    found = root(
        lambda y: residuals(alpha, norm, *(y * scale), flip), np.array(start) / scale, tol=1e-12
    )
    assert np.max(np.abs(found.fun)) < 1e-9, found
    return np.arctan(np.exp(found.x[0])) / np.pi
