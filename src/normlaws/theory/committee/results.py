"""What the model of a soft committee answers; frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Floats


@dataclass(frozen=True)
class CommitteeSolution:
    """Exact values at every α, arrays of one shape or scalars.

    Attributes:
        alpha: examples seen, per input.
        test_loss: ε = ½⟨(teacher − student)²⟩ on fresh examples.
        overlaps: R, covariance of the students' with the teachers' fields, (…, K, M).
        student_overlaps: Q, covariance of the students' fields, (…, K, K).
        norm: ‖J‖_F/√N, the Frobenius norm of the first layer's weights.
        log_spectral_complexity: of both layers; activations have slope below 1 and count as 1.
        status: ``"solved"``; ``"test_loss beyond precision"`` where ε is too small for double
            precision and NaN; ``"beyond precision"`` where nothing could be solved.
    """

    alpha: Floats
    test_loss: Floats
    overlaps: Floats
    student_overlaps: Floats
    norm: Floats
    log_spectral_complexity: Floats
    status: np.ndarray


@dataclass(frozen=True)
class CommitteeLaws:
    """Exponents of one-pass training while 1 ≪ η λ₊ α ≪ L^(1+β), in closed form.

    Attributes:
        regime: ``"one pass"`` for linear units, where the laws are exact for L → ∞; ``"one pass,
            not reached"`` for erf, whose plateaus hide the same exponents at any L that can be
            solved.
        gamma: test loss at the end of a run ∝ P^−γ.
        gamma0: of the early law in P; 0.
        gamma1: early law, test loss ∝ λ^−γ1.
        gamma2: norm at the end of a run ∝ P^γ2. One pass has no optimum within a run, so this is
            the early law's clock once more, and fits say that optima are censored.
        prefactors: ``c_epsilon`` and ``c_lambda`` by the symbols of docs/theory/committee.md;
            for linear units alone.
    """

    regime: str
    gamma: float
    gamma0: float
    gamma1: float
    gamma2: float
    prefactors: Mapping[str, float]
