"""Students of finite size at fixed norm: the loss minimised on a sphere."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.theory._checks import flip_in_range, positive, whole
from normlaws.theory._runs import as_curves
from normlaws.theory.perceptron._prox import sigmoid, softplus
from normlaws.theory.perceptron._records import run_record, sizes_of
from normlaws.theory.perceptron.problem import Problem, columns, problems

ITERATIONS = 5000
TOLERANCE = 5e-4  # of the gradient along the sphere, over the mean slope of the loss
SEARCHES = 12  # Newton steps along a circle at most
SEARCHED = 1e-3  # slope along a circle, over that at its start, at which a search ends
REFRESH = 50  # iterations after which margins are computed anew, against drift


def simulate(
    alphas: Iterable[float],
    norms: Iterable[float],
    dimension: int = 500,
    samples: int = 8,
    flip_probability: float = 0.0,
) -> Curves:
    """Minimise the logistic loss at fixed norm over random samples, as ``Curves``.

    Args:
        alphas: training examples per dimension; sizes are P = round(α N).
        norms: λ; every curve is followed upwards from Hebb's direction.
        dimension: N.
        samples: seeds 0 … samples − 1 at every size.
        flip_probability: η, of the training labels.

    Returns:
        One run per (α, seed) with ``log_frobenius``, ``train_error``, ``train_loss`` and
        ``test_error`` (the exact arccos(overlap)/π); steps are ``<NA>``.

    Raises:
        InputError: a value is out of range.
    """
    path = np.sort(positive("norms", list(norms)))
    flip = flip_in_range(flip_probability)
    settings = {"model": "logistic perceptron", "training": "fixed norm", "flip_probability": flip}
    seeds = range(whole("samples", samples))
    return Curves.concat(
        as_curves(
            [run_record(size, dimension, seed, settings) for seed in problem.seeds],
            _follow(problem, path),
        )
        for size in sizes_of(alphas, dimension)
        for problem in problems(size, dimension, seeds, flip)
    )


def _follow(problem: Problem, path: Floats) -> dict[str, Floats]:
    unit = problem.pull(np.ones(problem.examples.shape[:2]))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    records = []
    for norm in path:
        unit = minimize_on_sphere(problem, float(norm), unit)
        records.append(problem.record(norm * unit))
    return columns(records)


def minimize_on_sphere(problem: Problem, norm: float, start: Floats) -> Floats:
    """Directions (samples, N) of least mean logistic loss at ‖w‖ = ``norm``.

    Conjugate gradients along great circles (Polak–Ribière, restarted): a search along a circle
    needs no matrix product, since margins move along it as cos φ · h + sin φ · h_d.

    Args:
        problem: the samples.
        norm: λ.
        start: directions (samples, N) of unit length, say those of a nearby norm.
    """
    unit, margins = start, problem.margins(start)
    along, before = np.zeros_like(start), np.ones_like(start)
    for iteration in range(ITERATIONS):
        slopes, _ = _slopes(norm * margins)
        gradient = _tangent(-problem.pull(slopes / slopes.sum(axis=1, keepdims=True)), unit)
        if np.all(np.linalg.norm(gradient, axis=1) <= TOLERANCE):
            break
        along = _conjugate(gradient, before, along)
        length = np.linalg.norm(along, axis=1, keepdims=True)
        across = problem.margins(along / length)
        angle = _search_circle(norm, margins, across)[:, None]
        margins = np.cos(angle) * margins + np.sin(angle) * across
        along, unit = (
            np.cos(angle) * along - np.sin(angle) * length * unit,
            np.cos(angle) * unit + np.sin(angle) * along / length,
        )
        before = gradient
        if iteration % REFRESH == REFRESH - 1:
            unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
            margins = problem.margins(unit)
    return unit


def _slopes(margins: Floats) -> tuple[Floats, Floats]:
    """Slopes −ℓ' over the largest of each sample, and the logarithm of that largest (samples,).

    At large norms the slopes themselves underflow.
    """
    logarithm = -softplus(margins)
    top = logarithm.max(axis=1)
    return np.exp(logarithm - top[:, None]), top


def _dot(first: Floats, second: Floats) -> Floats:
    found: Floats = np.einsum("sn,sn->s", first, second)
    return found


def _tangent(vectors: Floats, unit: Floats) -> Floats:
    return vectors - _dot(vectors, unit)[:, None] * unit


def _conjugate(gradient: Floats, before: Floats, along: Floats) -> Floats:
    """The next direction from the gradients here and before, and the direction come along."""
    turn = np.maximum(_dot(gradient, gradient - before) / _dot(before, before), 0.0)
    direction = -gradient + turn[:, None] * along
    uphill = _dot(direction, gradient) >= 0
    direction[uphill] = -gradient[uphill]
    return direction


def _search_circle(norm: float, margins: Floats, across: Floats) -> Floats:
    """Angle (samples,) at which the loss along cos φ · margins + sin φ · across stops falling."""
    low, high = np.zeros(len(margins)), np.full(len(margins), 0.5 * np.pi)
    angle, enough = low.copy(), np.full(len(margins), -np.inf)
    for trial in range(SEARCHES):
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
        here, speed = cos * margins + sin * across, cos * across - sin * margins
        pull, top = _slopes(norm * here)
        slope = -np.mean(pull * speed, axis=1)
        steepness = top + np.log(np.maximum(np.abs(slope), 1e-300))
        if trial == 0:
            enough = steepness + np.log(SEARCHED)
        if np.all(steepness <= enough):
            break
        bend = np.mean(pull * (sigmoid(norm * here) * norm * speed**2 + here), axis=1)
        low, high = np.where(slope < 0, angle, low), np.where(slope < 0, high, angle)
        newton = angle - slope / np.where(bend > 0, bend, np.nan)
        angle = np.where((newton > low) & (newton < high), newton, 0.5 * (low + high))
    return angle
