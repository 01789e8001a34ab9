"""What the model of random features answers; frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Floats


@dataclass(frozen=True)
class FeatureSolution:
    """Exact values at every (P, t); all fields are arrays of one shape, or scalars.

    Attributes:
        size: P, training examples; infinite for the population.
        time: t, of the flow; learning rate times steps of gradient descent.
        test_loss: mean squared error on a fresh, noise-free example (no ½).
        train_loss: mean squared error on the noisy training labels (no ½).
        norm: ‖w‖.
        bias: the part of the test loss that averaging over data sets and features leaves.
        data_variance: the part that averaging over data sets removes.
        feature_variance: the part that averaging over features removes.
        joint_variance: the part that either average removes.
        time_exponent: ∂ ln test/∂ ln t.
        norm_exponent: ∂ ln ‖w‖/∂ ln t.
        early_exponent: −∂ ln test/∂ ln ‖w‖, the local γ1.
        status: ``"solved"``; otherwise what double precision does not carry to 1e-8, such as
            ``"train_loss beyond precision"``, and is NaN. ``"beyond precision"`` alone: all of it.
    """

    size: Floats
    time: Floats
    test_loss: Floats
    train_loss: Floats
    norm: Floats
    bias: Floats
    data_variance: Floats
    feature_variance: Floats
    joint_variance: Floats
    time_exponent: Floats
    norm_exponent: Floats
    early_exponent: Floats
    status: np.ndarray


@dataclass(frozen=True)
class FeatureLimit:
    """The end of training, t → ∞, at every P; fields as in :class:`FeatureSolution`.

    ``status`` is ``"solved"``, or ``"diverges"`` at P = N < modes, where losses and norm grow
    without bound and are infinite.
    """

    size: Floats
    test_loss: Floats
    train_loss: Floats
    norm: Floats
    bias: Floats
    data_variance: Floats
    feature_variance: Floats
    joint_variance: Floats
    status: np.ndarray


@dataclass(frozen=True)
class FeatureOptimum:
    """The time of lowest test loss at every P.

    ``status`` is ``"solved"``, or ``"no optimum"`` where the test loss falls for ever; time, loss
    and norm are NaN there.
    """

    size: Floats
    time: Floats
    test_loss: Floats
    norm: Floats
    status: np.ndarray


@dataclass(frozen=True)
class EnsembleLoss:
    """Test loss of the mean of several students; fields as in :class:`FeatureSolution`."""

    size: Floats
    time: Floats
    data_sets: int
    projections: int
    test_loss: Floats
    status: np.ndarray


@dataclass(frozen=True)
class Frontier:
    """The best width at every compute C = N t, on fresh data (P = ∞).

    ``status`` is ``"solved"``, or ``"no optimum"`` where the best width is 1 or less.
    """

    compute: Floats
    width: Floats
    time: Floats
    test_loss: Floats
    status: np.ndarray


@dataclass(frozen=True)
class FeatureLaws:
    """Exponents and prefactors in closed form; NaN where there is no such law.

    Attributes:
        regime: ``"noisy"``, ``"noise-free"`` or ``"noise-free, no optimum"`` for a hard target
            (a < 1 + b), whose norm grows for ever; ``"easy target"`` (a > 1 + b), whose norm
            saturates and is no clock; ``"marginal target"`` (a = 1 + b), with logarithms.
        gamma: lowest test loss ∝ P^−γ; where there is no optimum, the loss at the end.
        gamma0: of the early law in P; 0.
        gamma1: early law, test loss ∝ λ^−γ1.
        gamma2: optimal norm ∝ P^γ2.
        width_exponent: test loss at the end ∝ N^−x on fresh data.
        compute_exponent: lowest test loss at compute C = N t, ∝ C^−x on fresh data.
        compute_width_exponent: best width ∝ C^x.
        prefactors: by the symbols of docs/theory/random-features.md: ``c_L``, ``c_lambda``,
            ``c_V``, ``c_N`` in time, ``tau``, ``K``, ``Lambda`` of the optimum under label noise,
            ``D`` of the end of training without it.
    """

    regime: str
    gamma: float
    gamma0: float
    gamma1: float
    gamma2: float
    width_exponent: float
    compute_exponent: float
    compute_width_exponent: float
    prefactors: Mapping[str, float]
