"""The one coordinate in which diagonal networks of every depth are simple.

With κ = (D−2)/D, a coordinate β of the network at initialisation scale α is

    β/α^D = 2 cosh(κθ)^(1/κ) sinh θ,   w± = α exp(±θ/D) cosh(κθ)^(1/(D−2)),

which for D = 2 is β = 2α² sinh θ, w± = α exp(±θ/2). θ stays moderate where β/α^D overflows and
where the mirror map's derivative Q' = tanh κθ is 1 to all digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Floats

_NEWTON = 60
_SETTLED = 1e-9  # the error is then of the order of its square
_CROSSED = 1.9  # 1 − Q' beyond which a step in Q' is not followed
_LARGE = 30.0  # beyond it e^-2θ is below rounding


@dataclass(frozen=True)
class Geometry:
    """Maps between β (..., d), the coordinate θ (..., d) and the weights, elementwise.

    Attributes:
        log_scale: ln α.
        depth: D ≥ 2, not necessarily whole.
    """

    log_scale: float
    depth: float

    @property
    def bend(self) -> float:
        """κ = (D−2)/D, from 0 at D = 2 to 1."""
        return (self.depth - 2) / self.depth

    @property
    def log_unit(self) -> float:
        """ln α^D, the logarithm of the unit of β."""
        return self.depth * self.log_scale

    @property
    def log_rate(self) -> float:
        """ln D²α^(D−2): θ' = −D²α^(D−2) cosh²(κθ) ∇L."""
        found: float = 2 * np.log(self.depth) + (self.depth - 2) * self.log_scale
        return found

    def beta(self, theta: Floats) -> Floats:
        """β at θ; infinite where it exceeds double precision."""
        with np.errstate(over="ignore", divide="ignore"):
            return np.sign(theta) * np.exp(self.log_unit + self._log_ratio(np.abs(theta)))

    def slope(self, theta: Floats) -> Floats:
        """dβ/dθ, positive."""
        size = np.abs(theta)
        with np.errstate(over="ignore"):
            return np.exp(self.log_unit + self._log_slope(size))

    def theta(self, beta: Floats) -> Floats:
        """θ at β: Newton's method in logarithms from above, where it converges monotonically."""
        size = np.abs(np.asarray(beta, dtype=float))
        with np.errstate(divide="ignore"):
            target = np.log(size) - self.log_unit
        theta = _asinh_of_half_exp(target)
        if self.bend == 0:
            return np.sign(beta) * theta
        theta = np.where(size > 0, np.maximum(theta, 1e-300), 1.0)
        goal = np.where(size > 0, target, self._log_ratio(theta))
        for _ in range(_NEWTON):
            gain = self._log_slope(theta) - self._log_ratio(theta)  # ln of d ln ratio / dθ
            step = (self._log_ratio(theta) - goal) * np.exp(-gain) / theta
            theta = theta * np.exp(-step)
            if np.all(np.abs(step) <= _SETTLED):
                break
        return np.sign(beta) * np.where(size > 0, theta, 0.0)

    def mirror(self, theta: Floats) -> Floats:
        """Q'(β): tanh κθ, or θ at D = 2."""
        return theta if self.bend == 0 else np.tanh(self.bend * theta)

    def turned_back(self, theta: Floats, turn: Floats) -> Floats:
        """θ after |Q'| has fallen by dQ'/dθ · ``turn``; past zero at most to |Q'| = 0.9."""
        size = np.abs(theta)
        if self.bend == 0:
            return np.sign(theta) * (size - turn)
        decay = np.exp(-2 * self.bend * size)
        lack = 2 * decay / (1 + decay)  # 1 − |Q'|
        lack = np.minimum(lack + 4 * self.bend * decay / (1 + decay) ** 2 * turn, _CROSSED)
        found: Floats = np.sign(theta) * np.log((2 - lack) / lack) / (2 * self.bend)
        return found

    def curvature_inverse(self, theta: Floats) -> Floats:
        """1/Q''(β) = (dβ/dθ)/(dQ'/dθ), positive."""
        log = self.log_unit + self._log_slope(np.abs(theta))
        if self.bend > 0:
            log = log + 2 * _log_cosh(self.bend * theta) - np.log(self.bend)
        with np.errstate(over="ignore"):
            return np.exp(log)

    def potential(self, beta: Floats) -> Floats:
        """Q of every coordinate: no difference of nearly equal numbers at small β."""
        theta = self.theta(beta)
        size = np.abs(theta)
        if self.bend == 0:
            log_paid = self.log_unit + 2 * _log_two_sinh(size / 2)
            kept = np.abs(beta) * size
        else:
            power = 2 / (self.depth - 2)
            bent = self.bend * size
            grown = power * _log_cosh(bent) + _log_cosh(power * bent)
            log_paid = self.log_unit + np.log(self.depth - 2) + _log_expm1(grown)
            kept = np.abs(beta) * np.tanh(bent)
        with np.errstate(over="ignore"):
            return kept - np.exp(log_paid)

    def log_weights(self, theta: Floats) -> tuple[Floats, Floats]:
        """ln w₊ and ln w₋."""
        common, turned = self.log_scale + self._log_common(theta), theta / self.depth
        return common + turned, common - turned

    def log_weight_norm(self, theta: Floats) -> Floats:
        """ln |w| over both halves and the last axis."""
        plus, minus = self.log_weights(theta)
        found: Floats = 0.5 * np.logaddexp.reduce(
            2 * np.concatenate([plus, minus], axis=-1), axis=-1
        )
        return found

    def log_distance(self, theta: Floats) -> Floats:
        """ln |w − w(0)| over both halves and the last axis; −∞ at the start."""
        common, turned = self._log_common(theta), theta / self.depth
        moved = np.concatenate([np.expm1(common + turned), np.expm1(common - turned)], axis=-1)
        with np.errstate(divide="ignore"):
            found: Floats = self.log_scale + np.log(np.linalg.norm(moved, axis=-1))
            return found

    def _log_ratio(self, size: Floats) -> Floats:
        """ln |β|/α^D at θ ≥ 0."""
        with np.errstate(divide="ignore"):
            return self._log_power(size) + _log_two_sinh(size)

    def _log_slope(self, size: Floats) -> Floats:
        """ln of α^−D dβ/dθ at θ ≥ 0: 2 cosh(κθ)^(1/κ−1) cosh((1+κ)θ)."""
        shed = _log_cosh(self.bend * size)
        found: Floats = self._log_power(size) - shed + _log_cosh((1 + self.bend) * size) + np.log(2)
        return found

    def _log_power(self, size: Floats) -> Floats:
        """ln cosh(κθ)^(1/κ), which is 0 at κ = 0."""
        return np.zeros_like(size) if self.bend == 0 else _log_cosh(self.bend * size) / self.bend

    def _log_common(self, theta: Floats) -> Floats:
        """ln cosh(κθ)^(1/(D−2))."""
        if self.bend == 0:
            return np.zeros_like(theta)
        return _log_cosh(self.bend * theta) / (self.depth - 2)


def _log_cosh(x: Floats) -> Floats:
    size = np.abs(x)
    with np.errstate(over="ignore"):
        near = np.log1p(2 * np.sinh(np.minimum(size, 1.0) / 2) ** 2)
    found: Floats = np.where(size < 1, near, size + np.log1p(np.exp(-2 * size)) - np.log(2))
    return found


def _log_two_sinh(x: Floats) -> Floats:
    """ln(2 sinh x) for x ≥ 0."""
    with np.errstate(divide="ignore"):
        near = np.log(2 * np.sinh(np.minimum(x, 1.0)))
        found: Floats = np.where(x < 1, near, x + np.log1p(-np.exp(-2 * np.maximum(x, 0.5))))
        return found


def _log_expm1(x: Floats) -> Floats:
    """ln(e^x − 1) for x ≥ 0."""
    with np.errstate(divide="ignore"):
        near = np.log(np.expm1(np.minimum(x, _LARGE)))
        return np.where(x < _LARGE, near, x + np.log1p(-np.exp(-np.maximum(x, _LARGE))))


def _asinh_of_half_exp(log: Floats) -> Floats:
    """Asinh(e^log / 2)."""
    return np.where(log < _LARGE, np.arcsinh(np.exp(np.minimum(log, _LARGE)) / 2), log)
