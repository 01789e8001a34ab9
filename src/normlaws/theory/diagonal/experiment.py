"""Random sparse problems: learning curves along the flow, and how many examples they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import InputError, allowed
from normlaws.theory._checks import positive, whole
from normlaws.theory._runs import as_curves, run_of
from normlaws.theory.diagonal.flow import LOSSES, trajectory
from normlaws.theory.diagonal.geometry import Geometry
from normlaws.theory.diagonal.limit import limits
from normlaws.theory.diagonal.network import DiagonalNetwork

CURVE_RTOL = 1e-7  # of a step: β to some 1e-6 along the way
SCALES = (1e-5, 1e-3, 1e-2, 1e-1, 1.0)
SIZES = (25, 50, 100, 200, 400, 800)


@dataclass(frozen=True)
class SparseProblem:
    """A random problem: x ~ N(0, 1_d), r entries of β* are 1/√r.

    Attributes:
        inputs: X, (P, d).
        targets: xβ* plus noise, (P,).
        truth: β*, (d,).
        noise: standard deviation of the noise.
    """

    inputs: Floats
    targets: Floats
    truth: Floats
    noise: float

    @classmethod
    def draw(
        cls, size: int, dimension: int, sparsity: int, noise: float, seed: int
    ) -> SparseProblem:
        """The problem of a seed and size; other problems are independent of it."""
        rng = np.random.default_rng([seed, size])
        truth = np.zeros(dimension)
        truth[:sparsity] = sparsity**-0.5
        inputs = rng.standard_normal((size, dimension))
        targets = inputs @ truth + noise * rng.standard_normal(size)
        return cls(inputs, targets, truth, noise)

    def asked(self, loss: str) -> Floats:
        """What the loss compares predictions with: targets, or their signs."""
        return self.targets if loss == "squared" else np.where(self.targets > 0, 1.0, -1.0)

    def record(self, geometry: Geometry, theta: Floats, loss: str) -> dict[str, Floats]:
        """Columns of ``Curves`` at θ (times, d); each (times,)."""
        beta = geometry.beta(theta)
        norm = np.linalg.norm(beta, axis=1)
        with np.errstate(divide="ignore"):
            norms = {
                "log_frobenius": np.log(norm),
                "log_l1": np.log(np.sum(np.abs(beta), axis=1)),
                "log_weights": geometry.log_weight_norm(theta),
                "log_distance": geometry.log_distance(theta),
            }
        predictions = beta @ self.inputs.T
        if loss == "squared":
            excess = np.sum((beta - self.truth) ** 2, axis=1)
            return norms | {
                "train_loss": np.mean((predictions - self.targets) ** 2, axis=1),
                "test_loss": excess + self.noise**2,
            }
        margins = predictions * self.asked(loss)
        across = np.linalg.norm(beta - np.outer(beta @ self.truth, self.truth), axis=1)
        return norms | {
            "train_loss": np.mean(np.logaddexp(0.0, -margins), axis=1),
            "train_error": np.mean(margins <= 0, axis=1),
            "test_error": np.arctan2(across, beta @ self.truth) / np.pi,
        }


def recorded(
    network: DiagonalNetwork,
    sizes: Iterable[int],
    dimension: int,
    sparsity: int,
    noise: float,
    seeds: int | Iterable[int],
    loss: str,
    times: ArrayLike | None,
) -> Curves:
    """The curves of :meth:`DiagonalNetwork.curves`."""
    if loss not in LOSSES:
        raise InputError(f"expected a loss {allowed(LOSSES)}, got {loss!r}")
    _check(dimension, sparsity, noise)
    geometry = network.geometry
    when = default_times(geometry) if times is None else np.unique(positive("times", times))
    settings = {
        "model": "diagonal network", "training": "gradient flow", "loss": loss,
        "init_scale": network.init_scale, "depth": network.depth, "dimension": dimension,
        "sparsity": sparsity, "noise": noise,
    }  # fmt: skip
    parts = []
    for size, seed in _pairs(sizes, seeds):
        problem = SparseProblem.draw(size, dimension, sparsity, noise, seed)
        theta = trajectory(
            geometry, problem.inputs, problem.asked(loss), when, LOSSES[loss], CURVE_RTOL
        )
        columns = problem.record(geometry, theta, loss) | {"time": when}
        run = run_of(size, seed, settings)
        if not np.all(np.isfinite(theta)):
            run["status"] = "diverged"
        parts.append(as_curves([run], {name: value[None] for name, value in columns.items()}))
    return Curves.concat(parts)


def default_times(geometry: Geometry, count: int = 50) -> Floats:
    """Times in geometric progression, in units of the time in which β leaves zero."""
    log_unit = -geometry.log_rate - max(geometry.log_unit + np.log(2), 0.0)
    found: Floats = np.exp(log_unit) * np.geomspace(0.1, 1e4, count)
    return found


def sample_complexity(
    init_scales: Sequence[float] = SCALES,
    sizes: Sequence[int] = SIZES,
    *,
    dimension: int = 1000,
    sparsity: int = 5,
    noise: float = 0.01,
    seeds: int | Iterable[int] = 3,
    depth: float = 2,
) -> pd.DataFrame:
    """The excess |β − β*|² of the limit for every scale, size and seed (arXiv 2002.09277, fig. 1).

    Args:
        init_scales: α.
        sizes: P, at most d.
        dimension: d.
        sparsity: r.
        noise: standard deviation of the noise on y.
        seeds: how many, or which.
        depth: D.

    Returns:
        Columns ``init_scale``, ``size``, ``seed``, ``excess``; NaN beyond double precision.

    Raises:
        InputError: a value is out of range.
    """
    _check(dimension, sparsity, noise)
    if max(sizes, default=0) > dimension:
        raise InputError(f"expected sizes of at most the dimension {dimension}, got {max(sizes)}")
    scales = sorted({DiagonalNetwork(scale, depth).init_scale for scale in init_scales})[::-1]
    rows = []
    for size, seed in _pairs(sizes, seeds):
        problem = SparseProblem.draw(size, dimension, sparsity, noise, seed)
        found = limits(problem.inputs, problem.targets, list(np.log(scales)), depth)
        for scale, beta in zip(scales, found, strict=True):
            excess = float(np.sum((beta - problem.truth) ** 2))
            rows.append({"init_scale": scale, "size": size, "seed": seed, "excess": excess})
    return pd.DataFrame(rows)


def _pairs(sizes: Iterable[int], seeds: int | Iterable[int]) -> Iterator[tuple[int, int]]:
    wanted = [whole("sizes", size) for size in sizes]
    drawn = range(whole("seeds", seeds)) if isinstance(seeds, int) else [int(s) for s in seeds]
    if not wanted or len(set(wanted)) < len(wanted):
        raise InputError(f"expected distinct sizes, at least one, got {wanted}")
    return ((size, seed) for size in wanted for seed in drawn)


def _check(dimension: int, sparsity: int, noise: float) -> None:
    if whole("sparsity", sparsity) > whole("dimension", dimension):
        raise InputError(
            f"expected sparsity to be at most the dimension {dimension}, got {sparsity}"
        )
    if not (np.isfinite(noise) and noise >= 0):
        raise InputError(f"expected noise to be a standard deviation of at least 0, got {noise}")
