"""Students of finite size trained from zero, their norm free to grow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import InputError, allowed
from normlaws.theory._checks import flip_in_range, positive, whole
from normlaws.theory._runs import as_curves
from normlaws.theory.perceptron._prox import sigmoid
from normlaws.theory.perceptron._records import run_record, sizes_of
from normlaws.theory.perceptron.problem import Problem, columns, problems


@dataclass(frozen=True)
class Descent:
    """How students are trained.

    Args:
        algorithm: ``"gd"``, ``"sgd"`` (mini-batches drawn with replacement) or
            ``"normalized-gd"`` (steps of one length, so the norm grows in proportion to time
            rather than to its logarithm).
        learning_rate: for gd and sgd in units of 1/L, L the mean loss's expected smoothness (gd
            is stable up to 2); for normalized-gd the length of a step.
        steps: how many.
        records: points recorded per run, at steps in geometric progression from 1.
        batch_size: examples per step of sgd.

    Raises:
        InputError: a value is out of range, or the algorithm is none of these.
    """

    algorithm: str = "gd"
    learning_rate: float = 1.0
    steps: int = 2000
    records: int = 60
    batch_size: int = 32

    def __post_init__(self) -> None:
        if self.algorithm not in GRADIENTS:
            raise InputError(f"expected an algorithm {allowed(GRADIENTS)}, got {self.algorithm!r}")
        positive("learning_rate", self.learning_rate)
        for name in ("steps", "records", "batch_size"):
            whole(name, getattr(self, name))

    @property
    def recorded(self) -> list[int]:
        """The steps that are recorded; not step 0, where the student has no direction."""
        return sorted({int(step) for step in np.rint(np.geomspace(1, self.steps, self.records))})


def descend(
    alphas: Iterable[float],
    descent: Descent | None = None,
    dimension: int = 200,
    samples: int = 4,
    flip_probability: float = 0.0,
) -> Curves:
    """Train students from zero on the mean logistic loss, as ``Curves``.

    Args:
        alphas: training examples per dimension; sizes are P = round(α N).
        descent: algorithm and its settings.
        dimension: N.
        samples: seeds 0 … samples − 1 at every size; the examples of :func:`simulate`.
        flip_probability: η, of the training labels.

    Returns:
        One run per (α, seed): the columns of :func:`simulate`, with ``step`` and ``epoch``.

    Raises:
        InputError: a value is out of range.
    """
    descent = descent or Descent()
    flip = flip_in_range(flip_probability)
    settings = {
        "model": "logistic perceptron",
        "training": asdict(descent),
        "flip_probability": flip,
    }
    seeds = range(whole("samples", samples))
    return Curves.concat(
        as_curves(
            [run_record(size, dimension, seed, settings) for seed in problem.seeds],
            columns(list(_train(problem, descent))),
            descent.recorded,
        )
        for size in sizes_of(alphas, dimension)
        for problem in problems(size, dimension, seeds, flip)
    )


def _train(problem: Problem, descent: Descent) -> Iterable[dict[str, Floats]]:
    step_of = GRADIENTS[descent.algorithm](problem, descent)
    weights = np.zeros_like(problem.teachers)
    recorded = set(descent.recorded)
    seen = descent.batch_size if descent.algorithm == "sgd" else problem.size
    for step in range(1, descent.steps + 1):
        weights = weights + step_of(weights)
        if step in recorded:
            epoch = np.full(len(weights), step * seen / problem.size)
            yield problem.record(weights) | {"epoch": epoch}


Step = Callable[[Floats], Floats]  # weights (samples, N) to their change


def _smoothness(examples: int, dimension: int) -> float:
    """Largest eigenvalue of XᵀX/4P expected for Gaussian inputs (Marchenko & Pastur)."""
    found: float = 0.25 * (1 + np.sqrt(dimension / examples)) ** 2
    return found


def _gradient_descent(problem: Problem, descent: Descent) -> Step:
    rate = descent.learning_rate / _smoothness(problem.size, problem.dimension) / problem.size
    return lambda weights: rate * problem.pull(sigmoid(-problem.margins(weights)))


def _normalized(problem: Problem, descent: Descent) -> Step:
    def step(weights: Floats) -> Floats:
        pull = problem.pull(sigmoid(-problem.margins(weights)))
        found: Floats = descent.learning_rate * pull / np.linalg.norm(pull, axis=1, keepdims=True)
        return found

    return step


def _stochastic(problem: Problem, descent: Descent) -> Step:
    count = descent.batch_size
    rate = descent.learning_rate / _smoothness(count, problem.dimension) / count
    generators = [np.random.default_rng([seed, 1]) for seed in problem.seeds]
    rows = np.arange(len(generators))[:, None]

    def step(weights: Floats) -> Floats:
        chosen = [generator.integers(problem.size, size=count) for generator in generators]
        batch = Problem(problem.seeds, problem.examples[rows, chosen], problem.teachers)
        return rate * batch.pull(sigmoid(-batch.margins(weights)))

    return step


GRADIENTS: dict[str, Callable[[Problem, Descent], Step]] = {
    "gd": _gradient_descent,
    "sgd": _stochastic,
    "normalized-gd": _normalized,
}
