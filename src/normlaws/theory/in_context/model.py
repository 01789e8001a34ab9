"""In-context linear regression by softmax heads: risk, solutions and gradient flow."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import factorial

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning
from normlaws.theory._checks import positive, whole
from normlaws.theory._runs import as_curves, run_of
from normlaws.theory._stiff import follow

RTOL = 1e-9
_SERIES = 8.0  # d ω² below which a series without cancellation gives the excess
_ORDERS = np.arange(60)
_WEIGHTS = 1 / factorial(_ORDERS)


class SingleHead(NamedTuple):
    """The best single head: its attention weight ω, value weight μ, and risk."""

    omega: float
    mu: float
    risk: float


class Debiased(NamedTuple):
    """Debiased gradient descent at finite L: its exact risk, and the step that is best."""

    risk: float
    step: float


@dataclass(frozen=True)
class InContextFlow:
    """The gradient flow at given times.

    Attributes:
        time: (times,).
        mu: μ, (times, heads).
        omega: ω, (times, heads).
        risk: R, (times,).
        excess: R above the infimum, (times,), without cancellation.
        norm: |(μ, ω)|, (times,).
        status: (times,), ``"solved"``, or ``"beyond precision"`` where the values are NaN.
    """

    time: Floats
    mu: Floats
    omega: Floats
    risk: Floats
    excess: Floats
    norm: Floats
    status: np.ndarray


class InContextRegression:
    """ŷ = Σ_h μ_h Σ_l y_l softmax_l(ω_h x_l·x_q) on tasks y = β·x + noise; arXiv 2503.12734.

    x, x_q ~ N(0, 1_d), β ~ N(0, 1_d/d), L examples in the context. The risk is that to order 1/L,
    R(μ, ω) = 1 + s² − 2μ·ω + μᵀ(ωωᵀ + k e^{dωωᵀ})μ, k = (1 + s²)/L. Equations:
    docs/theory/in-context.md.

    Args:
        dimension: d.
        length: L.
        noise: s², the variance of the noise on y.

    Raises:
        InputError: a value is out of range.
    """

    def __init__(self, dimension: int, length: int, noise: float) -> None:
        self.dimension, self.length = whole("dimension", dimension), whole("length", length)
        if not (np.isfinite(noise) and noise >= 0):
            raise InputError(f"expected noise to be a variance of at least 0, got {noise}")
        self.noise = float(noise)

    def __repr__(self) -> str:
        return (
            f"InContextRegression(dimension={self.dimension}, length={self.length}, "
            f"noise={self.noise:g})"
        )

    @property
    def spread(self) -> float:
        """k = (1 + s²)/L, the variance of an average of y over the context."""
        return (1 + self.noise) / self.length

    @property
    def shrinkage(self) -> float:
        """a = 1/(1 + k d), what μ·ω tends to."""
        return 1 / (1 + self.spread * self.dimension)

    def single_head(self) -> SingleHead:
        """The best single head, ω = 1/√d."""
        root, variance = np.sqrt(self.dimension), 1 + math.e * self.spread * self.dimension
        return SingleHead(
            float(1 / root), float(root / variance), float(1 + self.noise - 1 / variance)
        )

    def infimum(self) -> float:
        """The infimum over any number of heads, approached as ω → 0 with heads of both signs."""
        return 1 + self.noise - self.shrinkage

    def debiased(self) -> Debiased:
        """One step of gradient descent on the centred context, exactly at finite L."""
        drift = self.dimension * (1 + self.noise)
        return Debiased(
            self.noise + (drift + 1) / (self.length + drift), self.length / (self.length + drift)
        )

    def risk(self, mu: ArrayLike, omega: ArrayLike) -> Floats:
        """R to order 1/L.

        Args:
            mu: μ, (..., heads); a number is one head.
            omega: ω, broadcast against ``mu``.

        Raises:
            InputError: an entry is not finite.

        Warns:
            NormlawsWarning: the risk exceeds double precision, and is NaN.
        """
        values, weights = self._heads(mu, omega)
        found = self.infimum() + self._excess(values, weights)
        if not np.all(np.isfinite(found)):
            warnings.warn(
                "the risk exceeds double precision where ω is this large, and is NaN",
                NormlawsWarning,
                stacklevel=2,
            )
            found = np.where(np.isfinite(found), found, np.nan)
        return found[()]

    def flow(
        self,
        times: ArrayLike,
        mu: ArrayLike = (0.01, -0.01),
        omega: ArrayLike = (0.01, -0.01),
    ) -> InContextFlow:
        """The gradient flow d(μ, ω)/dt = −∇R.

        Args:
            times: not negative, in any order, of one dimension.
            mu: μ at the start, (heads,); by default two small heads of opposite signs.
            omega: ω at the start, (heads,).

        Raises:
            InputError: a value is out of range.

        Warns:
            NormlawsWarning: the integration does not reach every time; values are NaN there.
        """
        asked = np.atleast_1d(np.asarray(times, dtype=float))
        if asked.ndim != 1 or not np.all(np.isfinite(asked) & (asked >= 0)):
            raise InputError("expected times to be finite, at least 0 and of one dimension")
        values, weights = self._heads(mu, omega)
        if values.ndim != 1:
            raise InputError(f"expected mu and omega of shape (heads,), got {values.shape}")
        order, inverse = np.unique(asked, return_inverse=True)
        start = np.concatenate([values, weights])
        small = max(float(np.max(np.abs(start))), 1e-6)
        states = follow(
            self._speed, self._jacobian, start, order, rtol=RTOL, atol=1e-3 * RTOL * min(small, 1.0)
        )[inverse]
        found_mu, found_omega = np.split(states, 2, axis=1)
        excess = self._excess(found_mu, found_omega)
        solved = np.isfinite(excess)
        if not np.all(solved):
            warnings.warn(
                f"{np.sum(~solved)} of {solved.size} times are beyond what can be integrated in "
                "double precision and are NaN",
                NormlawsWarning,
                stacklevel=2,
            )
        return InContextFlow(
            time=asked,
            mu=found_mu,
            omega=found_omega,
            risk=self.infimum() + excess,
            excess=excess,
            norm=np.linalg.norm(states, axis=1),
            status=np.where(solved, "solved", "beyond precision"),
        )

    def curves(
        self,
        lengths: Iterable[int] | None = None,
        times: ArrayLike | None = None,
        mu: ArrayLike = (0.01, -0.01),
        omega: ArrayLike = (0.01, -0.01),
    ) -> Curves:
        """Risk against norm along the flow at several context lengths; the size is L.

        Args:
            lengths: L; that of this model by default.
            times: recorded times; by default sixty, from .01 to 1e5.
            mu: μ at the start, (heads,).
            omega: ω at the start, (heads,).

        Returns:
            One run per length, without seed: ``log_frobenius`` (ln |(μ, ω)|), ``time``,
            ``test_loss`` (R) and ``excess_loss`` (R above its infimum).

        Raises:
            InputError: a value is out of range.
        """
        when = np.geomspace(0.01, 1e5, 60) if times is None else np.unique(positive("times", times))
        parts = []
        for length in [self.length] if lengths is None else lengths:
            model = InContextRegression(self.dimension, length, self.noise)
            found = model.flow(when, mu, omega)
            columns = {
                "log_frobenius": np.log(found.norm), "time": when,
                "test_loss": found.risk, "excess_loss": found.excess,
            }  # fmt: skip
            run = run_of(model.length, None, model.settings() | {"heads": found.mu.shape[1]})
            parts.append(as_curves([run], {name: value[None] for name, value in columns.items()}))
        return Curves.concat(parts)

    def settings(self) -> dict[str, object]:
        """What defines the model, for the record of a run."""
        return {
            "model": "in-context regression", "training": "gradient flow",
            "dimension": self.dimension, "length": self.length, "noise": self.noise,
        }  # fmt: skip

    def _heads(self, mu: ArrayLike, omega: ArrayLike) -> tuple[Floats, Floats]:
        arrays = [np.atleast_1d(np.asarray(value, dtype=float)) for value in (mu, omega)]
        if not all(np.all(np.isfinite(array)) for array in arrays):
            raise InputError("expected mu and omega to be finite numbers")
        values, weights = np.broadcast_arrays(*arrays)
        return values, weights

    def _excess(self, mu: Floats, omega: Floats) -> Floats:
        """R above its infimum: (1 + kd)(μ·ω − a)² + k(Σμ)² + k Σ_{n≥2} dⁿ/n! (Σ μωⁿ)²."""
        k, d = self.spread, self.dimension
        along, total = np.sum(mu * omega, axis=-1), np.sum(mu, axis=-1)
        squares = (along - self.shrinkage) ** 2 / self.shrinkage + k * total**2
        with np.errstate(over="ignore", invalid="ignore"):
            powers = (np.sqrt(d) * omega)[..., None] ** _ORDERS[2:]
            moments = np.sum(mu[..., None] * powers, axis=-2)
            series = np.sum(moments**2 * _WEIGHTS[2:], axis=-1)
            exponent = d * omega[..., :, None] * omega[..., None, :]
            rest = np.expm1(exponent) - exponent
            whole_sum = np.einsum("...i,...ij,...j->...", mu, rest, mu)
            small = np.max(d * omega**2, axis=-1) < _SERIES
            found: Floats = squares + k * np.where(small, series, whole_sum)
            return found

    def _speed(self, state: Floats) -> Floats:
        mu, omega = np.split(state, 2)
        k, lack = self.spread, 2 * (mu @ omega - self.shrinkage) / self.shrinkage
        if np.max(self.dimension * omega**2) < _SERIES:
            root = np.sqrt(self.dimension)
            powers = (root * omega) ** _ORDERS[:, None]
            moments = (powers @ mu) * _WEIGHTS
            by_mu = 2 * k * (mu.sum() + moments[2:] @ powers[2:])
            by_omega = 2 * k * root * mu * ((_ORDERS * moments)[2:] @ powers[1:-1])
        else:
            grown = np.exp(self.dimension * np.outer(omega, omega))
            by_mu = 2 * k * (grown @ mu - self.dimension * (mu @ omega) * omega)
            pulled = grown @ (mu * omega) - mu @ omega
            by_omega = 2 * k * self.dimension * mu * pulled
        return -np.concatenate([lack * omega + by_mu, lack * mu + by_omega])

    def _jacobian(self, state: Floats) -> Floats:
        mu, omega = np.split(state, 2)
        d, k, along = self.dimension, self.spread, mu @ omega
        grown = np.exp(d * np.outer(omega, omega))
        twice_mu = np.outer(omega, omega) + k * grown
        mixed = np.outer(omega, mu) + (along - 1) * np.eye(len(mu))
        mixed += k * d * (grown * np.outer(omega, mu) + np.diag(grown @ (mu * omega)))
        twice_omega = np.outer(mu, mu) * (1 + k * d * grown * (1 + d * np.outer(omega, omega)))
        twice_omega += k * d**2 * np.diag(mu * (grown @ (mu * omega**2)))
        return -2 * np.block([[twice_mu, mixed], [mixed.T, twice_omega]])
