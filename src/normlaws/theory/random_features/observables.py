"""From κ on the contour to losses, norm and slopes at every time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Complex, Flags, Floats
from normlaws.theory._contour import Nodes
from normlaws.theory.random_features.resolvent import Ridge, Track, resolve

CHUNK = 6  # times at once: the arrays stay in the cache
ROUNDING = 4e-16  # per term of a sum over the contour
RELATIVE = 1e-8  # what a value must be good for
EARLY = 1.0  # time up to which the transform's limit at large z is taken off, not that at 0


@dataclass(frozen=True)
class Tests:
    """Parts of the test loss at every time, and its slope; all (T,).

    ``bias`` is the loss of infinitely many averaged students; the variances are due to the data,
    to the features, and to both together. ``slope`` is ∂ test/∂ ln t, and ``error`` estimates the
    rounding error of their sum.
    """

    bias: Floats
    data: Floats
    features: Floats
    joint: Floats
    slope: Floats
    error: Floats

    @property
    def total(self) -> Floats:
        """The test loss."""
        return self.bias + self.data + self.features + self.joint


@dataclass(frozen=True)
class Trains:
    """Train loss and squared norm at every time, with slopes in ln t and rounding errors; (T,)."""

    loss: Floats
    loss_error: Floats
    squared_norm: Floats
    norm_error: Floats
    norm_slope: Floats


def tests(track: Track, noise: float, times: Floats) -> tuple[Tests, Flags]:
    """Test loss at ``times`` (T,), and whether κ was found there, (T,)."""
    delta, found = track(times)
    weights = track.nodes.weights(times, track.nodes(times))
    parts = [
        _tests(track.of, track.nodes, noise, delta[i : i + CHUNK], weights[i : i + CHUNK])
        for i in range(0, len(times), CHUNK)
    ]
    names = Tests.__dataclass_fields__
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Tests(**joined), found


def _tests(of: Ridge, nodes: Nodes, noise: float, delta: Complex, weights: Complex) -> Tests:
    modes, place = of.modes, nodes.contour.place
    kappa = of.limit + delta
    real, imaginary = resolve(kappa, modes.variance)
    pulled = weights * kappa
    transfer = _real_sum(pulled, real, imaginary)
    change = _real_sum(pulled * place, real, imaginary)
    density = modes.weight * modes.power
    bias, slope = transfer**2 @ density, 2 * (transfer * change) @ density
    zero = np.zeros_like(bias)
    if np.isinf(of.size) and np.isinf(of.width):
        scale = (np.einsum("tn,tnk->tk", np.abs(pulled), np.hypot(real, imaginary))) ** 2 @ density
        return Tests(bias, zero, zero, zero, slope, ROUNDING * scale)
    stacked = np.concatenate([real, imaginary], axis=1)
    pairs = _Pairs.over(stacked, weights, place)
    gammas = _variances(of, noise, delta, kappa, real, imaginary, pairs)
    data, features, joint = (pairs.integral(gamma) for gamma in gammas)
    total = gammas[0] + gammas[1] + gammas[2]
    scale = pairs.scale(total) + bias
    return Tests(bias, data, features, joint, slope + pairs.slope(total), ROUNDING * scale)


def _real_sum(weights: Complex, real: Floats, imaginary: Floats) -> Floats:
    """2 Re Σ_j weight_j h_jk: (T, nodes) to (T, modes)."""
    along = np.matmul(weights.real[:, None, :], real)[:, 0]
    found: Floats = 2 * (along - np.matmul(weights.imag[:, None, :], imaginary)[:, 0])
    return found


@dataclass(frozen=True)
class _Pairs:
    """Sums over pairs of nodes; the second runs over the upper half, then its conjugates."""

    stacked: Floats
    first: Complex
    second: Complex
    exponent: Complex

    @classmethod
    def over(cls, stacked: Floats, weights: Complex, place: Complex) -> _Pairs:
        both = np.concatenate([weights, weights.conj()], axis=1)
        exponent = place[:, None] + np.concatenate([place, place.conj()])
        return cls(stacked, weights[:, :, None], both[:, None, :], exponent)

    def modes(self, density: Floats) -> Complex:
        """Σ_k density_k h_k h′_k, (T, nodes, 2 nodes)."""
        product = np.matmul(self.stacked * density, self.stacked.swapaxes(1, 2))
        n = product.shape[1] // 2
        xx, xy = product[:, :n, :n], product[:, :n, n:]
        yx, yy = product[:, n:, :n], product[:, n:, n:]
        return np.concatenate([xx - yy + 1j * (xy + yx), xx + yy + 1j * (yx - xy)], axis=2)

    def integral(self, gamma: Complex) -> Floats:
        """The double inverse transform of gamma/(z z′), (T,)."""
        found: Floats = 2 * np.sum(self.first * self.second * gamma, axis=(1, 2)).real
        return found

    def slope(self, gamma: Complex) -> Floats:
        """Its derivative in ln t."""
        return self.integral(self.exponent * gamma)

    def scale(self, gamma: Complex) -> Floats:
        """The sum of the absolute terms, which rounding goes by."""
        found: Floats = 2 * np.sum(np.abs(self.first * self.second * gamma), axis=(1, 2))
        return found


def _variances(
    of: Ridge,
    noise: float,
    delta: Complex,
    kappa: Complex,
    real: Floats,
    imaginary: Floats,
    pairs: _Pairs,
) -> tuple[Complex, Complex, Complex]:
    """Transforms of the variances due to data, features, and both, at every pair of nodes."""
    modes, (by_size, by_width) = of.modes, of.inverses
    twin = np.concatenate([kappa, kappa.conj()], axis=1)[:, None, :]
    product = kappa[:, :, None] * twin
    density, power = modes.weight * modes.variance, modes.weight * modes.power
    s1 = pairs.modes(density) if by_width else np.zeros(product.shape, dtype=complex)
    t2 = pairs.modes(power * modes.variance) if by_width else np.zeros_like(s1)
    sums = PairSums(s1, pairs.modes(density * modes.variance), product * pairs.modes(power), t2)
    if not (by_size and by_width):
        return variances(of, noise, product, sums, 1.0)
    slope = real @ of.pull + 1j * (imaginary @ of.pull)
    r_size, r_width = (factor[:, :, None] for factor in of.factors(delta, slope))
    apart = np.concatenate([delta, delta.conj()], axis=1)[:, None, :] - delta[:, :, None]
    along = twin * s1
    determinant = (
        r_size * r_width
        + along * (r_size * by_width + r_width * by_size)
        + along * s1 * apart * by_size * by_width
    )
    return variances(of, noise, product, sums, determinant)


@dataclass(frozen=True)
class PairSums:
    """Σ λ h h′, Σ λ² h h′, κ κ′ Σ p h h′ and Σ p λ h h′."""

    s1: Complex
    s2: Complex
    bias: Complex
    t2: Complex


def variances(
    of: Ridge, noise: float, product: Complex, sums: PairSums, determinant: Complex | float
) -> tuple[Complex, Complex, Complex]:
    """The three variances' transforms: Γ of the source with the bias taken off and parted.

    Every term has one sign at real κ, so nothing cancels (docs/theory/random-features.md).

    Args:
        of: the pair (P, N).
        noise: σ².
        product: κ κ′.
        sums: over the modes.
        determinant: (1 − s2/P)(1 − s2/N) − κ κ′ s1²/(P N); used where both are finite.
    """
    by_size, by_width = of.inverses
    of_size, of_width = 1 - by_size * sums.s2, 1 - by_width * sums.s2
    y = by_width * product * sums.s1 * sums.t2
    data = by_size * sums.s2 * (sums.bias + noise) / of_size
    features = y / of_width
    if not (by_size and by_width):
        return data, features, np.zeros_like(data)
    w = product * sums.s1**2 * by_size * by_width
    with_data = (sums.bias + noise * by_size * sums.s2) / of_size
    joint = y * by_size * sums.s2 + w * (features + noise + with_data)
    return data, features, joint / determinant


def trains(track: Track, noise: float, times: Floats) -> tuple[Trains, Flags]:
    """Train loss and norm at ``times`` (T,), and whether κ was found there, (T,)."""
    early = times <= EARLY
    once, found = _memory(track, noise, times, early)
    twice, found_twice = _memory(track, noise, 2 * times, early)
    values = Trains(
        loss=twice.offset + twice.value,
        loss_error=twice.value_error,
        squared_norm=2 * once.integral - twice.integral,
        norm_error=2 * once.integral_error + twice.integral_error,
        norm_slope=2 * times * (once.value - twice.value),
    )
    return values, found & found_twice


@dataclass(frozen=True)
class _Memory:
    """m(t) − offset and its time integral, with rounding errors; all (T,).

    m(t) = yᵀ e^{−Gt} y/P, whose offset is its value at 0 or at infinity: taken off the transform,
    it leaves no cancellation in 2 M(t) − M(2t).
    """

    offset: Floats
    value: Floats
    value_error: Floats
    integral: Floats
    integral_error: Floats


def _memory(track: Track, noise: float, times: Floats, early: Flags) -> tuple[_Memory, Flags]:
    delta, found = track(times)
    z = track.nodes(times)
    weights = track.nodes.weights(times, z)
    parts = [slice(i, i + 2 * CHUNK) for i in range(0, len(times), 2 * CHUNK)]
    transform = np.concatenate(
        [_transform(track.of, noise, delta[part], early[part]) for part in parts]
    )
    terms, sums = weights * transform, weights * transform / z
    first, last = memory_ends(track.of, noise)
    memory = _Memory(
        offset=np.where(early, first, last),
        value=2 * terms.sum(axis=1).real,
        value_error=ROUNDING * 2 * np.abs(terms).sum(axis=1),
        integral=2 * sums.sum(axis=1).real,
        integral_error=ROUNDING * 2 * np.abs(sums).sum(axis=1),
    )
    return memory, found


def memory_ends(of: Ridge, noise: float) -> tuple[float, float]:
    """m(0) = Σ p + σ², and m(∞), which is positive where N < P."""
    modes, limit = of.modes, of.limit
    left = modes.weight @ (modes.power * limit / (modes.variance + limit)) + noise
    return modes.total_power + noise, float(of.remainder[0] * left)


def _transform(of: Ridge, noise: float, delta: Complex, early: Flags) -> Complex:
    """z m̂ − m(0) where ``early``, else z m̂ − m(∞); z m̂ = (1 − d/P)(κ Σ p h + σ²)."""
    modes, limit = of.modes, of.limit
    kappa = limit + delta
    real, imaginary = resolve(kappa, modes.variance)
    densities = np.stack(
        [
            of.pull,
            modes.weight * modes.variance,
            modes.weight * modes.power,
            of.pull * modes.power,
        ],
        axis=1,
    )
    sums = real @ densities + 1j * (imaginary @ densities)
    slope, degrees, target, pulled = (sums[..., i] for i in range(4))
    left = modes.weight @ (modes.power * limit / (modes.variance + limit)) + noise
    unlearned = kappa * target + noise
    learned = modes.weight * modes.power * modes.variance
    gone = real @ learned + 1j * (imaginary @ learned)
    from_start = -gone - degrees / of.size * unlearned
    of_size, _ = of.factors(delta, slope)
    from_end = of_size * delta * pulled + delta * slope / of.size * left
    return np.where(early[:, None], from_start, from_end)
