"""Diagonal networks β = w₊^D − w₋^D: limits and flows, exactly."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning, allowed
from normlaws.theory._checks import positive
from normlaws.theory.diagonal.flow import LOSSES, trajectory
from normlaws.theory.diagonal.geometry import Geometry
from normlaws.theory.diagonal.limit import limits

_DECADES = 280 * np.log(10)  # of α^D: beyond it β or its rates leave double precision
_FULL_RANK = 1e-12


@dataclass(frozen=True)
class DiagonalLimit:
    """Where gradient flow on the squared loss ends.

    Attributes:
        beta: argmin Q subject to Xβ = y, (d,).
        potential: Q there.
        init_scale: α.
        depth: D.
        status: ``"solved"``, or ``"beyond precision"`` where every value is NaN.
    """

    beta: Floats
    potential: float
    init_scale: float
    depth: float
    status: str


class DiagonalNetwork:
    """Linear predictor β = w₊^D − w₋^D, entry by entry, trained by gradient flow on its weights.

    All weights start at α. Large α: the kernel regime, which ends at the interpolator of least
    L2 norm; small α: the rich one, of least L1 norm. Equations: docs/theory/diagonal-network.md;
    Woodworth et al., arXiv 2002.09277.

    Args:
        init_scale: α > 0.
        depth: D ≥ 2, not necessarily whole.

    Raises:
        InputError: a value is out of range.
    """

    def __init__(self, init_scale: float, depth: float = 2) -> None:
        self.init_scale = float(positive("init_scale", init_scale))
        self.depth = float(positive("depth", depth))
        if self.depth < 2:
            raise InputError(
                f"expected depth to be at least 2, got {self.depth:g}; whole numbers are not needed"
            )
        self.geometry = Geometry(float(np.log(self.init_scale)), self.depth)

    def __repr__(self) -> str:
        return f"DiagonalNetwork(init_scale={self.init_scale:g}, depth={self.depth:g})"

    @property
    def _carried(self) -> bool:
        found: bool = abs(self.geometry.log_unit) < _DECADES
        return found

    def potential(self, beta: ArrayLike) -> Floats:
        """Q(β), which gradient flow on the squared loss makes least among interpolators.

        Args:
            beta: (..., d), summed over the last axis; a number is one coordinate.

        Raises:
            InputError: an entry is not finite.

        Warns:
            NormlawsWarning: α^D is beyond double precision, and values are NaN.
        """
        values = np.atleast_1d(finite("beta", beta))
        if not self._carried:
            self._warn("the potential")
            return np.full(values.shape[:-1], np.nan)[()]
        found: Floats = np.sum(self.geometry.potential(values), axis=-1)[()]
        return found

    def limit(self, X: ArrayLike, y: ArrayLike) -> DiagonalLimit:
        """The end of gradient flow on |Xβ − y|².

        Args:
            X: inputs (P, d) of rank P ≤ d.
            y: targets (P,).

        Raises:
            InputError: shapes do not fit, P > d, or the rows of X are not independent.

        Warns:
            NormlawsWarning: double precision does not carry the limit, and it is NaN.
        """
        inputs, targets = interpolation(X, y)
        beta = np.full(inputs.shape[1], np.nan)
        if self._carried:
            (beta,) = limits(inputs, targets, [self.geometry.log_scale], self.depth)
        solved = bool(np.all(np.isfinite(beta)))
        if not solved:
            self._warn("the limit")
        return DiagonalLimit(
            beta,
            float(np.sum(self.geometry.potential(beta))) if solved else float("nan"),
            self.init_scale,
            self.depth,
            "solved" if solved else "beyond precision",
        )

    def flow(self, X: ArrayLike, y: ArrayLike, times: ArrayLike, loss: str = "squared") -> Floats:
        """β (times, d) along gradient flow; (d,) at a single time. P may exceed d.

        Args:
            X: inputs (P, d).
            y: targets (P,); labels +1 and −1 with the logistic loss.
            times: not negative, in any order.
            loss: ``"squared"``, L = |Xβ − y|², or ``"logistic"``, the mean of ln(1 + e^−yxβ).

        Raises:
            InputError: shapes do not fit, a time is negative, a label is not ±1, or there is no
                such loss.

        Warns:
            NormlawsWarning: double precision does not carry the flow to every time; β is NaN there.
        """
        inputs, targets, chosen = problem(X, y, loss)
        asked = finite("times", times)
        if np.any(asked < 0):
            raise InputError(f"expected times of at least 0, got {asked.min():g}")
        order, inverse = np.unique(asked.ravel(), return_inverse=True)
        beta = np.full((len(order), inputs.shape[1]), np.nan)
        if self._carried:
            theta = trajectory(self.geometry, inputs, targets, order, LOSSES[chosen])
            beta = self.geometry.beta(theta)
        if not np.all(np.isfinite(beta)):
            self._warn("the flow to every time")
        return beta[inverse.ravel()].reshape(*asked.shape, inputs.shape[1])

    def curves(
        self,
        sizes: Iterable[int],
        dimension: int = 200,
        sparsity: int = 5,
        noise: float = 0.0,
        seeds: int | Iterable[int] = 3,
        loss: str = "logistic",
        times: ArrayLike | None = None,
    ) -> Curves:
        """Learning curves of random sparse problems along the flow, one run per size and seed.

        Inputs x ~ N(0, 1_d), β* with ``sparsity`` entries 1/√r; y = xβ* + ``noise``·N(0, 1), of
        which the logistic loss sees the sign.

        Args:
            sizes: P.
            dimension: d.
            sparsity: r.
            noise: standard deviation of the noise on y.
            seeds: how many, or which.
            loss: ``"squared"`` or ``"logistic"``.
            times: recorded times; by default sixty, in geometric progression around the time in
                which β leaves zero.

        Returns:
            ``log_frobenius`` (ln |β|), ``log_l1``, ``log_weights`` (ln |w|), ``log_distance``
            (ln |w − w(0)|), ``time`` and losses per example: for the squared loss ``test_loss``
            is that of a fresh example, |β − β*|² + noise²; for the logistic ``test_error`` is
            arccos(overlap)/π.

        Raises:
            InputError: a value is out of range.
        """
        from normlaws.theory.diagonal.experiment import recorded

        return recorded(self, sizes, dimension, sparsity, noise, seeds, loss, times)

    def _warn(self, what: str) -> None:
        warnings.warn(
            f"double precision does not carry {what} at init_scale {self.init_scale:g} and depth "
            f"{self.depth:g}; what is missing is NaN",
            NormlawsWarning,
            stacklevel=3,
        )


def finite(name: str, value: Any) -> Floats:
    """``value`` as float64; raises where an entry is not a finite number."""
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"expected {name} to be numbers, got {type(value).__name__}") from None
    if not np.all(np.isfinite(array)):
        raise InputError(f"expected {name} to be finite, got {array[~np.isfinite(array)].flat[0]}")
    return array


def problem(X: ArrayLike, y: ArrayLike, loss: str) -> tuple[Floats, Floats, str]:
    """Inputs (P, d), targets (P,) and the loss's name, checked."""
    if loss not in LOSSES:
        raise InputError(f"expected a loss {allowed(LOSSES)}, got {loss!r}")
    inputs, targets = finite("X", X), finite("y", y)
    if inputs.ndim != 2 or 0 in inputs.shape or targets.shape != inputs.shape[:1]:
        raise InputError(
            f"expected X of shape (P, d) and y of shape (P,), got {inputs.shape} and "
            f"{targets.shape}"
        )
    if loss == "logistic" and not np.all(np.abs(targets) == 1):
        raise InputError(
            f"expected labels +1 and -1 with the logistic loss, got "
            f"{targets[np.abs(targets) != 1][0]:g}"
        )
    return inputs, targets, loss


def interpolation(X: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Inputs and targets that some β interpolates, whatever the targets."""
    inputs, targets, _ = problem(X, y, "squared")
    examples, dimension = inputs.shape
    if examples > dimension:
        raise InputError(
            f"expected at most as many examples as dimensions for the limit, got {examples} "
            f"examples in {dimension}; flow has no such restriction"
        )
    spread = np.linalg.eigvalsh(inputs @ inputs.T)
    if spread[0] <= _FULL_RANK * spread[-1]:
        raise InputError(
            "expected inputs with independent rows for the limit, got rows that depend "
            "on each other; flow has no such restriction"
        )
    return inputs, targets
