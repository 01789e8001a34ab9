"""Soft committee machines with power-law inputs, trained in one pass: exact for many inputs."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning
from normlaws.theory._checks import positive, whole
from normlaws.theory._modes import Modes, power_law
from normlaws.theory.committee.flow import Blocks
from normlaws.theory.committee.laws import committee_laws
from normlaws.theory.committee.linear import RELATIVE, LinearStart, linear_path
from normlaws.theory.committee.moments import test_loss
from normlaws.theory.committee.plateau import escape_time
from normlaws.theory.committee.results import CommitteeLaws, CommitteeSolution
from normlaws.theory.committee.symmetry import orbits, overlaps_at_start

SMALLEST = 1e-10  # test losses of erf units below this are rounding
ACTIVATIONS = ("erf", "linear")


@dataclass(frozen=True)
class SoftCommittee:
    """A committee of K students that learns M teachers from fresh examples, one a step.

    Inputs have L distinct eigenvalues λ_l ∝ l^−(1+β) of mean 1, N/L directions each; teachers have
    orthonormal weights and output Σ g(y)/√M; the student's output is (√M/K) Σ g(x). Each example
    moves J_i by η/√N times the gradient of half the squared error; α = examples/N, N → ∞.
    Equations: docs/theory/committee.md; Worschech, Rosenow, arXiv 2410.09005.

    Solved values are accurate to 1e-8 relative; what double precision does not carry is NaN, and
    ``status`` says so.

    Args:
        student: K.
        teacher: M.
        eigenvalues: L.
        spectrum_exponent: β > 0; without meaning where L = 1.
        learning_rate: η.
        activation: g, ``"erf"`` for erf(x/√2) or ``"linear"``.
        initial_variance: q0 ≥ 0, of every student's weights.
        initial_overlap: x0, of student i with teacher i mod M.

    Raises:
        InputError: a value is out of range; linear units with η M/K ≥ 2, where training diverges;
            by methods, an α that is negative or not finite.
    """

    student: int
    teacher: int
    eigenvalues: int
    spectrum_exponent: float
    learning_rate: float
    activation: Literal["erf", "linear"] = "erf"
    initial_variance: float = 0.01
    initial_overlap: float = 0.0

    def __post_init__(self) -> None:
        for name in ("student", "teacher", "eigenvalues"):
            whole(name, getattr(self, name))
        if self.eigenvalues > 1:
            positive("spectrum_exponent", self.spectrum_exponent)
        positive("learning_rate", self.learning_rate)
        if self.activation not in ACTIVATIONS:
            raise InputError(f"expected activation erf or linear, got {self.activation!r}")
        if not 0 <= self.initial_variance < math.inf:
            raise InputError(
                f"expected initial_variance to be at least 0 and finite, "
                f"got {self.initial_variance}"
            )
        if not math.isfinite(self.initial_overlap):
            raise InputError(f"expected a finite initial_overlap, got {self.initial_overlap}")
        if self.activation == "linear" and self.effective_rate >= 2:
            raise InputError(
                f"expected learning_rate below {2 * self.student / self.teacher:g} for linear "
                f"units, got {self.learning_rate:g}; beyond it training diverges"
            )

    @property
    def effective_rate(self) -> float:
        """η M/K, the rate at which the student's output learns."""
        return self.learning_rate * self.teacher / self.student

    @property
    def variance(self) -> Floats:
        """λ_l, (L,), of mean 1."""
        power = np.arange(1.0, self.eigenvalues + 1) ** -(1 + self._exponent)
        found: Floats = power * self.eigenvalues / power.sum()
        return found

    def solve(self, alphas: ArrayLike) -> CommitteeSolution:
        """Solve at a scalar or array of α = examples per input."""
        wanted = checked_alphas(alphas)
        ascending, back = np.unique(wanted.ravel(), return_inverse=True)
        values = self._linear(ascending) if self.activation == "linear" else self._erf(ascending)
        _warn_beyond(ascending, values["status"])
        back = back.reshape(wanted.shape)
        shaped: dict[str, Any] = {
            name: np.asarray(value[back])[()] for name, value in values.items()
        }
        return CommitteeSolution(alpha=wanted[()], **shaped)

    def escape_time(self) -> float:
        """The e-fold time, in α, of the departure from the symmetric plateau.

        Students and teachers are alike on the plateau. The time is read, whatever the model's own
        start, from the growth of |R_11 − R_12| between 1e-5 and 1e-2 (for two students; 2/K of it
        for K) along the path from ``initial_variance`` 1e-4 and ``initial_overlap`` 1e-8; the
        plateau lasts some multiple that the start decides.

        Raises:
            InputError: there is no plateau: linear units, or one student or teacher alone; too
                large a learning rate.
        """
        if self.activation == "linear" or min(self.student, self.teacher) < 2:
            raise InputError(
                f"expected erf units with at least 2 students and 2 teachers for a plateau, got "
                f"{self.activation} with {self.student} and {self.teacher}"
            )
        return escape_time(self.blocks)

    def laws(self) -> CommitteeLaws:
        """Exponents and prefactors of the late stage of one-pass training, L → ∞."""
        if self.eigenvalues == 1:
            raise InputError("expected several eigenvalues for a power law, got 1")
        return committee_laws(self.spectrum_exponent, self.effective_rate, self.activation)

    def curves(
        self, alphas: Iterable[float], *, dimension: int = 10_000, records: int = 60
    ) -> Curves:
        """Learning curves as ``Curves``: one run per size, P = round(α N), no seed.

        Every run is the same path, recorded to its own end: in one pass a size only says when
        training stops.

        Args:
            alphas: examples per input at the end of each run.
            dimension: N, which only turns α into sizes and steps.
            records: times at which the longest run is recorded, spaced evenly in ln α.

        Returns:
            ``test_loss``, ``log_frobenius``, ``log_spectral_complexity`` and ``alpha``; ``step``
            counts examples.
        """
        from normlaws.theory.committee.records import curves_of

        return curves_of(self, positive("alphas", list(alphas)), dimension, records)

    @property
    def blocks(self) -> Blocks:
        """The equations of motion of erf units."""
        return Blocks(self.student, self.teacher, self.variance, self.learning_rate)

    @property
    def start(self) -> tuple[Floats, Floats]:
        """Overlaps at α = 0 per input: students with teachers (K, M), among each other (K, K)."""
        return overlaps_at_start(
            self.student, self.teacher, self.initial_variance, self.initial_overlap
        )

    @property
    def _exponent(self) -> float:
        return self.spectrum_exponent if self.eigenvalues > 1 else 0.0

    @property
    def _spectrum(self) -> Modes:
        return power_law(1.0, 1 + self._exponent, self.eigenvalues)

    def _erf(self, alphas: Floats) -> dict[str, np.ndarray]:
        blocks = self.blocks
        alike = orbits(self.student, self.teacher, paired=self.initial_overlap != 0)
        states = blocks.integrate(blocks.alike(*self.start), alphas, alike)
        rho, theta = blocks.unpack(states)
        c, k = blocks.covariance(rho, theta), self.student
        with np.errstate(invalid="ignore"):
            loss = test_loss(c, blocks.coefficients)
        good = loss > SMALLEST
        return self._values(loss, good, c[:, :k, k:], c[:, :k, :k], theta.sum(axis=1))

    def _linear(self, alphas: Floats) -> dict[str, np.ndarray]:
        x, q = self.start
        start = LinearStart(q, x, self.blocks.scale)
        path = linear_path(self._spectrum, self.effective_rate, start, alphas)
        good = path.error <= RELATIVE * path.loss
        return self._values(path.loss, good, path.overlaps, path.fields, path.weights)

    def _values(
        self, loss: Floats, good: np.ndarray, overlaps: Floats, fields: Floats, weights: Floats
    ) -> dict[str, np.ndarray]:
        solved = np.isfinite(weights).all(axis=(1, 2))
        status = np.where(good, "solved", "test_loss beyond precision")
        return {
            "test_loss": np.where(good, loss, np.nan),
            "overlaps": overlaps,
            "student_overlaps": fields,
            "norm": np.sqrt(np.trace(weights, axis1=1, axis2=2)),
            "log_spectral_complexity": log_spectral_complexity(weights, self.teacher),
            "status": np.where(solved, status, "beyond precision"),
        }


def log_spectral_complexity(weights: Floats, teachers: int) -> Floats:
    """ln of Bartlett, Foster and Telgarsky's complexity (2017, eq. 1.2) from Q⁰ = J Jᵀ/N.

    The first layer is J/√N, with spectral norm √λ_max(Q⁰) and (2,1) norm Σ √Q⁰_ii; the second is
    (c, …, c), both of whose norms are √(M/K).

    Args:
        weights: Q⁰, (T, K, K).
        teachers: M.
    """
    students = weights.shape[-1]
    found = np.full(len(weights), np.nan)
    fine = np.isfinite(weights).all(axis=(1, 2))
    spectral = np.sqrt(np.maximum(np.linalg.eigvalsh(weights[fine])[:, -1], 0))
    group = np.sqrt(np.einsum("tii->ti", weights[fine])).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = (group / spectral) ** (2 / 3) + 1
        product = np.log(spectral) + 0.5 * np.log(teachers / students)
        found[fine] = product + 1.5 * np.log(ratios)
    return found


def checked_alphas(value: ArrayLike) -> Floats:
    """``value`` as float64; raises where an α is negative or not finite."""
    alphas = np.asarray(value, dtype=float)
    bad = alphas[~((alphas >= 0) & np.isfinite(alphas))]
    if bad.size:
        raise InputError(f"expected alphas of at least 0 and finite, got {bad.flat[0]:g}")
    return alphas


def _warn_beyond(alphas: Floats, status: np.ndarray) -> None:
    beyond = np.flatnonzero(status == "beyond precision")
    if beyond.size:
        warnings.warn(
            f"{beyond.size} of {alphas.size} values of alpha could not be solved and are NaN, the "
            f"first at alpha {alphas[beyond[0]]:g}",
            NormlawsWarning,
            stacklevel=3,
        )
