"""The two saddle-point equations of the fixed-norm logistic perceptron, and their solution.

Unknowns are a = ln tan θ (θ = πε, the angle between student and teacher) and b = ln χ. With
q(x) = P(x) − x, t a fresh example's margin over the student's norm, m = √(2/π)(1 − 2η):

    λ² sin²θ = α E[q(λt)²]          λ cos θ = α m E_z[q(λ sin θ z)]

docs/perceptron.md derives them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Flags, Floats
from normlaws.theory.perceptron._prox import softplus
from normlaws.theory.perceptron._quadrature import Nodes, make_nodes, sine_and_cosine

ITERATIONS = 30
TOLERANCE = 1e-9  # on ln tan θ; Newton's last step squares it
ACCURACY = 1e-8  # error of ln tan θ beyond which a point is given up
LARGEST_LOG_CHI = 1e7  # beyond it the rounding of ln χ alone spends ACCURACY
STRIDE = 0.5  # of ln λ, where Newton is led along the norm


@dataclass(frozen=True)
class System:
    """The equations in logarithms at (points,) arrays, and their derivatives."""

    residual: Floats  # (points, 2)
    jacobian: Floats  # (points, 2, 2); columns a, b
    by_log_norm: Floats  # (points, 2)
    nodes: Nodes

    @property
    def step(self) -> Floats:
        """Newton's step in (a, b), (points, 2)."""
        return self.solve(-self.residual)

    @property
    def a_by_log_norm(self) -> Floats:
        """da/d ln λ by implicit differentiation."""
        return self.solve(-self.by_log_norm)[:, 0]

    @property
    def a_by_log_alpha(self) -> Floats:
        """da/d ln α by implicit differentiation; α is a factor in both equations."""
        return self.solve(np.full_like(self.residual, -1.0))[:, 0]

    def solve(self, right: Floats) -> Floats:
        """Solve the 2 × 2 systems by Cramer's rule; singular ones give non-finite values."""
        (aa, ab), (ba, bb) = self.jacobian.transpose(1, 2, 0)
        first, second = right.T
        with np.errstate(divide="ignore", invalid="ignore"):
            solved = np.stack([first * bb - second * ab, second * aa - first * ba], axis=1)
            return np.asarray(solved / (aa * bb - ab * ba)[:, None])


def noise_factor(flip: float) -> float:
    """M = √(2/π)(1 − 2η): the mean of label times teacher field, over the field's deviation."""
    return float(np.sqrt(2 / np.pi) * (1 - 2 * flip))


def system(
    alpha: Floats, norm: Floats, a: Floats, b: Floats, flip: float, refine: int = 1
) -> System:
    """Evaluate the equations at (points,) arrays; ``refine`` multiplies the nodes."""
    n = make_nodes(norm, a, b, flip, refine)
    noise, noise_derivatives = _noise_equation(n, alpha, norm, a)
    pull, pull_derivatives = _pull_equation(n, alpha, norm, a, noise_factor(flip))
    derivatives = np.stack([noise_derivatives, pull_derivatives], axis=1)  # (points, 2, 3)
    return System(
        np.stack([noise, pull], axis=1), derivatives[..., :2], derivatives[..., 2], nodes=n
    )


def _noise_equation(n: Nodes, alpha: Floats, norm: Floats, a: Floats) -> tuple[Floats, Floats]:
    """ln(α E[q²]) − 2 ln(λ sin θ), and derivatives by a, b, ln λ."""
    sine, cosine = sine_and_cosine(a)
    square = n.fresh * n.shift**2
    total = square.sum(axis=1)
    by_a = (n.fresh_tilt * n.shift**2).sum(axis=1) / total - 2 * cosine**2
    by_b = 2 * (square * (1 - n.response)).sum(axis=1) / total
    by_norm = -2 * (n.fresh * n.shift * n.response * n.x).sum(axis=1) / total - 2
    return np.log(alpha * total) - 2 * np.log(norm * sine), np.stack([by_a, by_b, by_norm], axis=1)


def _pull_equation(
    n: Nodes, alpha: Floats, norm: Floats, a: Floats, m: float
) -> tuple[Floats, Floats]:
    """ln(α m E_z[q]) − ln(λ cos θ), and derivatives by a, b, ln λ."""
    sine, cosine = sine_and_cosine(a)
    shift = n.orthogonal * n.shift
    total = shift.sum(axis=1)
    by_field = -(n.orthogonal * n.response * n.x).sum(axis=1) / total
    by_a = by_field * cosine**2 + sine**2
    by_b = (shift * (1 - n.response)).sum(axis=1) / total
    derivatives = np.stack([by_a, by_b, by_field - 1], axis=1)
    return np.log(alpha * m * total) - np.log(norm * cosine), derivatives


def guess(alpha: Floats, norm: Floats, flip: float) -> tuple[Floats, Floats]:
    """Start of Newton's method: exact as λ → 0 (Hebb), of the right order elsewhere."""
    m = noise_factor(flip)
    early = alpha * m**2 * (1 + norm)  # cot²θ of Hebb's rule, growing with λ …
    late = alpha * m**2 + (0.75 * alpha) ** 2  # … up to that of maximum stability
    a = 0.5 * np.log(1 / early + 1 / late)
    shift = norm * sine_and_cosine(a)[1] / (alpha * m)
    return a, np.log(shift) + softplus(shift)


def find(alpha: Floats, norm: Floats, flip: float) -> tuple[Floats, Floats]:
    """Solve for (a, b) at (points,) arrays; NaN where double precision does not carry the point."""
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        a, b, done = newton(alpha, norm, *guess(alpha, norm, flip), flip)
        lost = np.flatnonzero(~done)
        if lost.size:
            a[lost], b[lost], done[lost] = _follow(alpha[lost], norm[lost], flip)
    a[~done] = b[~done] = np.nan
    return a, b


def newton(
    alpha: Floats, norm: Floats, a: Floats, b: Floats, flip: float
) -> tuple[Floats, Floats, Flags]:
    """Newton's method on all points at once; those that are done are evaluated no more."""
    a, b = a.copy(), b.copy()
    done: Flags = np.zeros(a.shape, dtype=bool)
    active = np.arange(a.size)
    for _ in range(ITERATIONS):
        step = system(alpha[active], norm[active], a[active], b[active], flip).step
        scale = np.stack([np.ones(active.size), np.maximum(1, np.abs(b[active]))], axis=1)
        relative = np.abs(step / scale)
        step /= np.maximum(1, relative.max(axis=1))[:, None]
        a[active] += step[:, 0]
        b[active] += step[:, 1]
        done[active] = (relative < TOLERANCE).all(axis=1) & (np.abs(b[active]) < LARGEST_LOG_CHI)
        active = active[~done[active] & np.isfinite(relative).all(axis=1)]
        if not active.size:
            break
    return a, b, done


def _follow(alpha: Floats, norm: Floats, flip: float) -> tuple[Floats, Floats, Flags]:
    """Lead Newton from a norm where the guess is nearly exact, in strides of ln λ."""
    start = np.minimum(norm, 0.1)
    strides = int(np.ceil(np.max(np.log(norm / start)) / STRIDE)) + 1
    a, b = guess(alpha, start, flip)
    done: Flags = np.zeros(a.shape, dtype=bool)
    for part in np.linspace(0, 1, strides + 1):
        a, b, done = newton(alpha, start * (norm / start) ** part, a, b, flip)
    return a, b, done
