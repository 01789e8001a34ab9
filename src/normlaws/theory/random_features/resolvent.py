"""The renormalised ridge κ(z) of z = κ (1 − d/P)(1 − d/N), d = Σ λ/(λ + κ), off the real axis."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.interpolate import make_interp_spline

from normlaws.arrays import Complex, Flags, Floats
from normlaws.theory._contour import Nodes
from normlaws.theory._modes import Modes

STEP = 1.6  # largest factor between neighbours of a continuation
FAR = 1e3  # |z| over the trace at which κ ~ z + trace (1/P + 1/N) starts Newton safely
DEGREE = 7  # of the spline through a track
BLOCK = 48  # points at once: the arrays stay in the cache
NEWTON = 12
CLOSE = 1e-7  # last relative step of Newton after which the next would be rounding


@dataclass(frozen=True)
class Ridge:
    """κ(z) for one pair (P, N), written as κ = κ0 + δ so that long times keep their digits.

    Attributes:
        modes: the spectrum.
        size: P, may be infinite.
        width: N, may be infinite.
        limit: κ0 = κ(0): d(κ0) = min(P, N), or 0 where there are fewer modes.
        remainder: 1 − d(κ0)/P and 1 − d(κ0)/N.
        pull: weight λ/(λ + κ0), whose sum with 1/(λ + κ) is (d(κ0) − d(κ))/δ.
    """

    modes: Modes
    size: float
    width: float
    limit: float
    remainder: tuple[float, float]
    pull: Floats

    @property
    def inverses(self) -> tuple[float, float]:
        """1/P and 1/N."""
        return 1 / self.size, 1 / self.width

    def factors(self, delta: Complex, slope: Complex) -> tuple[Complex, Complex]:
        """1 − d/P and 1 − d/N from δ and S = Σ λ/((λ + κ)(λ + κ0))."""
        return (
            self.remainder[0] + delta * slope / self.size,
            self.remainder[1] + delta * slope / self.width,
        )

    def equation(self, delta: Complex) -> tuple[Complex, Complex]:
        """z and dz/dκ at κ0 + δ, any shape."""
        kappa = self.limit + delta
        slope, bend = self._sums(kappa.ravel())
        slope, bend = slope.reshape(delta.shape), bend.reshape(delta.shape)
        of_size, of_width = self.factors(delta, slope)
        change = slope + delta * bend
        product = of_size * of_width
        return kappa * product, product + kappa * change * (
            of_size / self.width + of_width / self.size
        )

    def _sums(self, kappa: Complex) -> tuple[Complex, Complex]:
        """Σ pull h and its derivative −Σ pull h² at κ (points,), h = 1/(λ + κ)."""
        slope, bend = np.empty_like(kappa), np.empty_like(kappa)
        for start in range(0, len(kappa), BLOCK):
            part = slice(start, start + BLOCK)
            real, size = _resolved(kappa[part], self.modes.variance)
            y, heavy = kappa[part].imag, size * self.pull
            total, squares = size @ self.pull, np.einsum("ik,ik->i", heavy, size)
            slope[part] = real @ self.pull - 1j * y * total
            along = 2 * y**2 * squares - total  # Σ pull (Im h)² − (Re h)², as |h|² is there
            bend[part] = along + 2j * y * np.einsum("ik,ik->i", heavy, real)
        return slope, bend

    def solve(self, z: Complex, start: Complex) -> tuple[Complex, Flags]:
        """δ at ``z`` by Newton from ``start``, same shapes; whether it converged at every node."""
        delta, _, found = self._newton(z, start)
        return delta, found

    def _newton(self, z: Complex, start: Complex) -> tuple[Complex, Complex, Flags]:
        """As ``solve``, with dz/dκ where Newton's last step began, in the middle."""
        shape, goal, delta = z.shape, z.ravel(), start.ravel().copy()
        open_, slopes = np.arange(delta.size), np.empty_like(delta)
        for _ in range(NEWTON):
            value, derivative = self.equation(delta[open_])
            step = (value - goal[open_]) / derivative
            delta[open_] -= step
            slopes[open_] = derivative
            open_ = open_[~(np.abs(step) <= CLOSE * np.abs(delta[open_]))]
            if not open_.size:
                break
        found = np.ones(delta.size, dtype=bool)
        found[open_] = False
        return delta.reshape(shape), slopes.reshape(shape), found.reshape(shape)

    def follow(self, places: Complex) -> Complex:
        """δ along a sequence of z, (steps, nodes); neighbours differ by factors near 1.6.

        Starts far out on the rays of the first z, where κ is known. The next point is guessed from
        d ln δ/d ln z at the last two.
        """
        trace = self.modes.total_variance
        far = FAR * max(1.0, trace * (1 / self.size + 1 / self.width))
        ratio = max(1.0, far / float(np.min(np.abs(places[0]))))
        steps = int(np.ceil(np.log(ratio) / np.log(STEP)))
        rays = np.geomspace(ratio, 1.0, steps + 1)[:, None] * places[0]
        sequence = np.concatenate([rays, places[1:]])
        shift = trace * (1 / self.size + 1 / self.width) - self.limit
        delta, derivative, _ = self._newton(sequence[0], sequence[0] + shift)
        found, slope = [delta], sequence[0] / (delta * derivative)
        bend = np.zeros_like(slope)
        for before, z in pairwise(sequence):
            ahead = np.log(z / before)
            guess = delta * np.exp((slope + bend * ahead / 2) * ahead)
            delta, derivative, _ = self._newton(z, guess)
            earlier, slope = slope, z / (delta * derivative)
            bend = (slope - earlier) / ahead
            found.append(delta)
        return np.array(found[steps:])


def resolve(kappa: Complex, variance: Floats) -> tuple[Floats, Floats]:
    """Real and imaginary parts of 1/(λ + κ); the modes are the last axis."""
    real, size = _resolved(kappa, variance)
    size *= -kappa.imag[..., None]
    return real, size


def _resolved(kappa: Complex, variance: Floats) -> tuple[Floats, Floats]:
    """Real part and squared modulus of 1/(λ + κ), the modes last."""
    shifted = variance + kappa.real[..., None]
    size = np.square(shifted)
    size += np.square(kappa.imag)[..., None]
    np.reciprocal(size, out=size)
    shifted *= size
    return shifted, size


def ridge(modes: Modes, size: float, width: float) -> Ridge:
    """κ(z) for P = ``size`` and N = ``width``."""
    least = min(size, width)
    limit, at_limit = 0.0, float(modes.count)
    if least < modes.count:
        limit, at_limit = _root(modes, least), least
    remainder = (1 - at_limit / size, 1 - at_limit / width)
    pull = modes.weight * modes.variance / (modes.variance + limit)
    return Ridge(modes, size, width, limit, remainder, pull)


def _root(modes: Modes, target: float) -> float:
    """The κ0 > 0 with Σ λ/(λ + κ0) = ``target``: Newton in ln κ inside a bracket."""
    low, high = np.log(modes.variance.min()) - 40.0, np.log(modes.total_variance / target) + 1.0
    x = 0.5 * (low + high)
    for _ in range(200):
        share = 1 / (1 + np.exp(x) / modes.variance)
        excess = modes.weight @ share - target
        low, high = (x, high) if excess > 0 else (low, x)
        newton = x + excess / (modes.weight @ (share * (1 - share)))
        following = newton if low < newton < high else 0.5 * (low + high)
        if abs(following - x) < 4e-16 * max(1.0, abs(x)):
            break
        x = following
    return float(np.exp(x))


class Track:
    """δ at the nodes of a contour for every time of a range; continued once, then interpolated.

    Args:
        of: the pair (P, N).
        nodes: z at the nodes of a contour, from times (T,) to (T, nodes).
        low: the first time.
        high: the last time.
    """

    def __init__(self, of: Ridge, nodes: Nodes, low: float, high: float) -> None:
        count = max(DEGREE + 1, int(np.ceil(np.log(high / low) / np.log(STEP))) + 1)
        times = np.geomspace(low, max(high, low * (1 + 1e-3)), count)
        self.of, self.nodes = of, nodes
        self._spline = make_interp_spline(np.log(times), np.log(of.follow(nodes(times))), k=DEGREE)
        self._last: tuple[Floats, Complex, Flags] | None = None

    def __call__(self, times: Floats) -> tuple[Complex, Flags]:
        """δ (T, nodes) at ``times``, and whether it was found at every node, (T,).

        The last answer is kept: losses and norms are asked for at the same times.
        """
        if self._last is None or not np.array_equal(self._last[0], times):
            start = np.exp(self._spline(np.log(times)))
            delta, found = self.of.solve(self.nodes(times), start)
            self._last = times.copy(), delta, np.all(found, axis=-1)
        return self._last[1:]
