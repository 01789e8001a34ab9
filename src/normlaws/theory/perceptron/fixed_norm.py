"""The logistic perceptron at fixed norm, solved in the limit of many inputs."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, owens_t

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning
from normlaws.theory._checks import flip_in_range, positive
from normlaws.theory._runs import as_curves
from normlaws.theory.perceptron._prox import sigmoid, softplus
from normlaws.theory.perceptron._quadrature import ROOT_2PI, fresh_loss, sine_and_cosine
from normlaws.theory.perceptron._records import run_record, sizes_of
from normlaws.theory.perceptron._roots import bracketed_roots
from normlaws.theory.perceptron._saddle import ACCURACY, System, find, system

CHUNK = 1024  # points solved together: arrays of a megabyte, quick in cache


@dataclass(frozen=True)
class Solution:
    """What the theory says at every (α, λ); all fields are arrays of one shape, or scalars.

    Attributes:
        alpha: training examples per input dimension, α = P/N.
        norm: the student's Euclidean norm λ, for inputs of unit variance.
        generalization_error: ε, probability of error on a fresh, noise-free example.
        overlap: ρ, cosine between student and teacher.
        log_chi: ln χ, the prox parameter of the saddle point.
        train_loss: logistic loss per training example, nats.
        train_error: fraction of training examples misclassified, against their noisy labels.
        test_loss: logistic loss per fresh example with noisy label, nats.
        penalty: ridge μ for which argmin (1/P)Σℓ + μ‖w‖²/2 has this norm. Negative where the norm
            exceeds that of the unpenalised minimum: there the problem on the sphere is not
            convex, and the values are those of the replica-symmetric saddle point.
        norm_exponent: ∂ ln ε/∂ ln λ.
        size_exponent: ∂ ln ε/∂ ln α.
        status: ``"solved"``, or ``"beyond precision"`` where double precision does not carry the
            point to 1e-8 and every value is NaN.
    """

    alpha: Floats
    norm: Floats
    generalization_error: Floats
    overlap: Floats
    log_chi: Floats
    train_loss: Floats
    train_error: Floats
    test_loss: Floats
    penalty: Floats
    norm_exponent: Floats
    size_exponent: Floats
    status: np.ndarray


@dataclass(frozen=True)
class Optimum:
    """The norm of lowest generalisation error at every α, and that error."""

    alpha: Floats
    norm: Floats
    generalization_error: Floats


class FixedNormPerceptron:
    """Teacher–student perceptron with logistic loss, the student's norm held at λ.

    Inputs are standard Gaussian, labels sign(teacher · x), flipped with probability η; N → ∞ at
    fixed α = P/N. Equations: docs/perceptron.md; D'Amico, Bocchi, Negri, arXiv 2505.13230.

    Where double precision does not carry a point, its values are NaN and a ``NormlawsWarning``
    says so. Solved points are accurate to 1e-8 relative.

    Args:
        flip_probability: η, of the training labels, at least 0 and less than 1/2.

    Raises:
        InputError: the flip probability is out of range; by every method, α or λ is not a
            positive finite number.
    """

    def __init__(self, flip_probability: float = 0.0) -> None:
        self.flip_probability = flip_in_range(flip_probability)

    def __repr__(self) -> str:
        return f"FixedNormPerceptron(flip_probability={self.flip_probability:g})"

    def solve(self, alpha: ArrayLike, norm: ArrayLike) -> Solution:
        """Solve at scalars or arrays that broadcast against each other."""
        alphas, norms = np.broadcast_arrays(positive("alpha", alpha), positive("norm", norm))
        values = self._solve_all(alphas.ravel(), norms.ravel())
        _warn_beyond(alphas, norms, values["status"])
        shaped = {name: value.reshape(alphas.shape)[()] for name, value in values.items()}
        return Solution(alpha=alphas[()], norm=norms[()], **shaped)

    def _solve_all(self, alpha: Floats, norm: Floats) -> dict[str, np.ndarray]:
        starts = range(0, max(alpha.size, 1), CHUNK)
        parts = [self._solve_some(alpha[i : i + CHUNK], norm[i : i + CHUNK]) for i in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _solve_some(self, alpha: Floats, norm: Floats) -> dict[str, np.ndarray]:
        flip = self.flip_probability
        a, b = find(alpha, norm, flip)
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            at = system(alpha, norm, a, b, flip, refine=2)
            solved = np.abs(at.step[:, 0]) < ACCURACY
            values = _observables(alpha, norm, a, b, flip, at)
        values = {name: np.where(solved, value, np.nan) for name, value in values.items()}
        return values | {"status": np.where(solved, "solved", "beyond precision")}

    def generalization_error(self, alpha: ArrayLike, norm: ArrayLike) -> Floats:
        """ε at scalars or broadcast arrays."""
        return self.solve(alpha, norm).generalization_error

    def overlap(self, alpha: ArrayLike, norm: ArrayLike) -> Floats:
        """ρ, cosine between student and teacher."""
        return self.solve(alpha, norm).overlap

    def log_chi(self, alpha: ArrayLike, norm: ArrayLike) -> Floats:
        """The logarithm of χ; χ itself passes e^100 at large norm."""
        return self.solve(alpha, norm).log_chi

    def train_loss(self, alpha: ArrayLike, norm: ArrayLike) -> Floats:
        """Logistic loss per training example, nats."""
        return self.solve(alpha, norm).train_loss

    def train_error(self, alpha: ArrayLike, norm: ArrayLike) -> Floats:
        """Fraction of training examples misclassified."""
        return self.solve(alpha, norm).train_error

    def penalty(self, alpha: ArrayLike, norm: ArrayLike) -> Floats:
        """The norm's multiplier: ridge μ of the mean loss that leads to this norm."""
        return self.solve(alpha, norm).penalty

    def margin_cdf(self, margin: ArrayLike, alpha: ArrayLike, norm: ArrayLike) -> Floats:
        """Fraction of training examples with y w·x/‖w‖ below ``margin``; broadcast arrays."""
        field, solution = self._field(margin, alpha, norm)
        cot = 1 / np.tan(np.pi * solution.generalization_error)
        return _fresh_cdf(field, cot, self.flip_probability)

    def margin_density(self, margin: ArrayLike, alpha: ArrayLike, norm: ArrayLike) -> Floats:
        """Density of y w·x/‖w‖ over training examples at ``margin``; broadcast arrays."""
        field, solution = self._field(margin, alpha, norm)
        v = np.asarray(margin) * solution.norm
        slope = 1 + np.exp(solution.log_chi - softplus(v)) * sigmoid(v)
        cot = 1 / np.tan(np.pi * solution.generalization_error)
        keep = self.flip_probability + (1 - 2 * self.flip_probability) * ndtr(cot * field)
        found: Floats = slope * np.exp(-0.5 * field**2) * 2 / ROOT_2PI * keep
        return found

    def _field(
        self, margin: ArrayLike, alpha: ArrayLike, norm: ArrayLike
    ) -> tuple[Floats, Solution]:
        """The fresh margin t that training moves to ``margin``."""
        solution = self.solve(alpha, norm)
        v = np.asarray(margin, dtype=float) * solution.norm
        with np.errstate(over="ignore"):
            return (v - np.exp(solution.log_chi - softplus(v))) / solution.norm, solution

    def optimum(self, alpha: ArrayLike) -> Optimum:
        """The norm of lowest ε at every α, where ∂ε/∂λ = 0.

        NaN where there is none in λ ∈ [0.01 min(√α, 1), 100 max(α, 1)].
        """
        alphas = positive("alpha", alpha)
        flat = alphas.ravel()
        low = np.log(1e-2 * np.minimum(np.sqrt(flat), 1))
        high = np.log(100 * np.maximum(flat, 1))
        root = bracketed_roots(
            lambda x: self._solve_all(flat, np.exp(x))["norm_exponent"], low, high
        )
        norm = np.exp(root).reshape(alphas.shape)
        error = np.full_like(norm, np.nan)
        found = np.isfinite(norm)
        error[found] = self.generalization_error(alphas[found], norm[found])
        return Optimum(alphas[()], norm[()], error[()])

    def ridge(self, alpha: ArrayLike, penalty: ArrayLike) -> Solution:
        """The solution at ridge penalty μ of the mean loss: argmin (1/P)Σℓ + μ‖w‖²/2.

        Args:
            alpha: α, broadcast against ``penalty``.
            penalty: μ > 0. For scikit-learn's ``LogisticRegression``, C = 1/(P μ).

        Raises:
            InputError: a value is not positive, or no λ in [1e-6, 1e4] has that penalty.
        """
        alphas, penalties = np.broadcast_arrays(
            positive("alpha", alpha), positive("penalty", penalty)
        )
        flat, target = alphas.ravel(), penalties.ravel()

        def excess(log_norm: Floats) -> Floats:
            found: Floats = np.tanh(self._log_penalty(flat, np.exp(log_norm)) - np.log(target))
            return found

        low, high = np.full(flat.shape, np.log(1e-6)), np.full(flat.shape, np.log(1e4))
        norm = np.exp(bracketed_roots(excess, low, high))
        if not np.all(np.isfinite(norm)):
            bad = np.flatnonzero(~np.isfinite(norm))[0]
            raise InputError(
                f"expected a penalty that some norm in [1e-6, 1e4] has, got {target[bad]:g} "
                f"at alpha {flat[bad]:g}"
            )
        return self.solve(alphas, norm.reshape(alphas.shape))

    def _log_penalty(self, alpha: Floats, norm: Floats) -> Floats:
        """Log of the penalty, −∞ where it is not positive: falls with the norm."""
        with np.errstate(divide="ignore"):
            found: Floats = np.log(np.maximum(self._solve_all(alpha, norm)["penalty"], 0.0))
            return found

    def curves(
        self, alphas: Iterable[float], norms: Iterable[float], dimension: int = 1000
    ) -> Curves:
        """ε(λ) at every α as ``Curves``: one run per α, size P = round(α N), no seed, no steps.

        The theory is evaluated at the exact P/N. ``test_error`` is ε; losses are nats.

        Args:
            alphas: training examples per dimension.
            norms: λ, in the order in which they are recorded.
            dimension: N, which only turns α into a size.

        Raises:
            InputError: a value is not positive, or two α round to one size.
        """
        norm = positive("norms", list(norms))
        sizes = sizes_of(alphas, dimension)
        solution = self.solve(np.array(sizes)[:, None] / dimension, norm)
        settings = {
            "model": "logistic perceptron",
            "training": "theory",
            "flip_probability": self.flip_probability,
        }
        return as_curves(
            [run_record(size, dimension, None, settings) for size in sizes],
            {
                "log_frobenius": np.log(solution.norm),
                "train_error": solution.train_error,
                "train_loss": solution.train_loss,
                "test_error": solution.generalization_error,
                "test_loss": solution.test_loss,
            },
        )


def _observables(
    alpha: Floats, norm: Floats, a: Floats, b: Floats, flip: float, at: System
) -> dict[str, Floats]:
    n = at.nodes
    sine, cosine = sine_and_cosine(a)
    error = np.arctan2(sine, cosine) / np.pi
    relative = sine * cosine / (np.pi * error)  # d ln ε / d ln tan θ
    wrong = _fresh_cdf(-np.exp(b - np.log(2 * norm)), cosine / sine, flip)
    return {
        "generalization_error": error,
        "overlap": cosine,
        "log_chi": b,
        "train_loss": (n.fresh * softplus(-n.v)).sum(axis=1),
        "train_error": wrong,
        "test_loss": fresh_loss(norm, a, flip),
        "penalty": np.exp(-b) * (1 / alpha - (n.fresh * n.response).sum(axis=1)),
        "norm_exponent": relative * at.a_by_log_norm,
        "size_exponent": relative * at.a_by_log_alpha,
    }


def _fresh_cdf(t: Floats, cot: Floats, flip: float) -> Floats:
    """Probability that a fresh example's y w·x/‖w‖ lies below t: a skew normal, with flips."""
    found: Floats = np.clip(ndtr(t) - 2 * (1 - 2 * flip) * owens_t(t, cot), 0.0, 1.0)
    return found


def _warn_beyond(alpha: Floats, norm: Floats, status: np.ndarray) -> None:
    beyond = np.flatnonzero(np.ravel(status) != "solved")
    if beyond.size:
        warnings.warn(
            f"{beyond.size} of {alpha.size} points are beyond double precision and are NaN, "
            f"the first at alpha {alpha.flat[beyond[0]]:g}, norm {norm.flat[beyond[0]]:g}",
            NormlawsWarning,
            stacklevel=4,
        )
