"""Where gradient flow on the squared loss ends: the interpolator of least potential.

Newton's method on the feasible set is a sequence of weighted least-squares problems with weights
1/Q''. At small α it is led there from the minimum-L2 solution, which is the limit of large α.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, qr, solve_triangular

from normlaws.arrays import Floats
from normlaws.theory.diagonal.geometry import Geometry

ACCURACY = 1e-10  # of the last step, over the largest |β|, of a point that counts as solved
_STEPS = 30  # Newton's, at one scale
_PATIENT = 200  # damped ones, where whole steps do not settle
_CLOSE = 1e-6  # change of θ after which the next step is below rounding
_STILL = 1e-13  # of a step, over the largest |β|: nothing but rounding moves
_ON_THE_WAY = 1.0  # change of θ that is near enough at scales on the way
_NEAR = 0.1  # change of θ below which a whole step in β is as good as any
_FARTHEST = 20.0  # change of θ in one step
_SINGULAR = 1e-5  # smallest over largest pivot below which normal equations lose half the digits
_FLAT = 1e-12  # 1 − Q' at the largest β below which a smaller scale changes nothing


@dataclass(frozen=True)
class _State:
    """β and the multipliers ν of the constraints, with the last step over the largest |β|."""

    beta: Floats
    multipliers: Floats
    moved: float = np.inf


def limits(
    inputs: Floats, targets: Floats, log_scales: Sequence[float], depth: float
) -> Iterator[Floats]:
    """Minimisers of Q subject to Xβ = y at falling scales; NaN where Newton does not settle.

    Args:
        inputs: X, (P, d) of full row rank, P ≤ d.
        targets: y, (P,).
        log_scales: ln α, from the largest down; each starts from the one before.
        depth: D.

    Yields:
        β (d,) of every scale.
    """
    start: Floats = np.linalg.lstsq(inputs, targets, rcond=None)[0].astype(np.float64)
    largest = float(np.max(np.abs(start), initial=0.0))
    if largest == 0:
        yield from (start for _ in log_scales)
        return
    problem = _Problem(inputs, targets, depth)
    state = _State(start, np.zeros(len(targets)))
    here = np.log(largest) / depth  # β is of the order of α^D: the kernel regime begins
    for log_scale in log_scales:
        goal = max(log_scale, _lowest(largest, depth))
        state = problem.lead(max(here, goal), goal, state)
        here = goal
        yield state.beta if state.moved <= ACCURACY else np.full_like(start, np.nan)


def _lowest(largest: float, depth: float) -> float:
    """The ln α below which 1 − Q' at the largest β is of the order of rounding."""
    if depth == 2:
        return -np.inf
    return float((np.log(largest) + np.log(_FLAT) * depth / (depth - 2)) / depth)


@dataclass(frozen=True)
class _Problem:
    inputs: Floats
    targets: Floats
    depth: float

    def lead(self, start: float, goal: float, state: _State) -> _State:
        """From the scale ``start`` to ``goal``; strides follow the steps that they cost."""
        stride, here = np.log(16.0) / self.depth, start
        while here > goal:
            state, taken = self.minimise(here, state, _ON_THE_WAY)
            stride *= 2.0 if taken <= 3 else 0.5 if taken > 6 else 1.0
            here = max(here - stride, goal)
        return self.minimise(goal, state, _CLOSE)[0]

    def minimise(self, log_scale: float, start: _State, enough: float) -> tuple[_State, int]:
        """Newton's method at one scale until θ moves less than ``enough``, and its steps."""
        geometry = Geometry(log_scale, self.depth)
        for whole, steps in ((True, _STEPS), (False, _PATIENT)):
            state, still = start, 0
            for taken in range(1, steps + 1):
                state, turned = self._step(geometry, state, whole)
                still = still + 1 if state.moved <= _STILL else 0
                if still == 2 or (
                    turned <= enough and (state.moved <= ACCURACY or enough > _CLOSE)
                ):
                    return state, taken
                if not np.isfinite(turned):
                    break
        return _State(start.beta, start.multipliers), taken

    def _step(self, geometry: Geometry, state: _State, whole: bool) -> tuple[_State, float]:
        theta = geometry.theta(state.beta)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            step, more = _newton(self.inputs, self.targets, geometry, theta, state)
        if not np.all(np.isfinite(step)):
            return state, np.inf
        turn = step / geometry.slope(theta)
        turned = float(np.max(np.abs(turn)))
        if whole:
            share = min(1.0, _FARTHEST / turned) if turned > 0 else 1.0
            beta = _mixed(geometry, state.beta, theta, share * step, share * turn)
        else:
            share = 1.0 if turned <= _NEAR else _search(geometry, state.beta, step, theta)
            beta = state.beta + share * step
        moved = float(np.max(np.abs(beta - state.beta)) / np.max(np.abs(beta)))
        return _State(beta, state.multipliers + share * more, moved), turned


def _mixed(geometry: Geometry, beta: Floats, theta: Floats, step: Floats, turn: Floats) -> Floats:
    """Coordinates that grow take the step in β, those that shrink take it in Q'.

    Both are Newton's direction. Q' is logarithmic, so either way a step cannot overshoot.
    """
    shrinks = (turn * theta < 0) & (np.abs(turn) > _NEAR)
    return np.where(shrinks, geometry.beta(geometry.turned_back(theta, np.abs(turn))), beta + step)


def _newton(
    inputs: Floats, targets: Floats, geometry: Geometry, theta: Floats, state: _State
) -> tuple[Floats, Floats]:
    """Newton's step in β and in ν.

    Everything is a correction to what is there, so that 1/Q'' multiplies small numbers alone.
    """
    root = np.sqrt(geometry.curvature_inverse(theta))
    scaled = inputs * root
    pull = root * (state.multipliers @ inputs - geometry.mirror(theta))
    missing = targets - inputs @ state.beta
    solve = _solver(scaled)
    more, along = solve(missing - scaled @ pull)
    step = root * (pull + along)
    mended, along = solve(missing - inputs @ step)
    return step + root * along, more + mended


def _solver(scaled: Floats) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Solve A Aᵀν = b: returns a function b → (ν, Aᵀν).

    Cholesky's factor, or where 1/Q'' spans too many decades for it, orthogonal factors of Aᵀ
    with rows in falling order, which are stable row by row (Cox & Higham 1998).
    """
    units = 1 / np.linalg.norm(scaled, axis=1)
    rows = scaled * units[:, None]
    try:
        factor = cho_factor(rows @ rows.T, lower=True, check_finite=False)
        pivots = np.abs(np.diag(factor[0]))
        if pivots.min() > _SINGULAR * pivots.max():

            def by_cholesky(right: Floats) -> tuple[Floats, Floats]:
                found = units * cho_solve(factor, units * right, check_finite=False)
                return found, found @ scaled

            return by_cholesky
    except LinAlgError:
        pass
    order = np.argsort(-np.max(np.abs(scaled), axis=0))
    q, r, pivot = qr(scaled[:, order].T, mode="economic", pivoting=True, check_finite=False)

    def by_rotations(right: Floats) -> tuple[Floats, Floats]:
        inner = solve_triangular(r, right[pivot], trans="T", check_finite=False)
        found, along = np.empty_like(right), np.empty(scaled.shape[1])
        found[pivot] = solve_triangular(r, inner, check_finite=False)
        along[order] = q @ inner
        return found, along

    return by_rotations


def _search(geometry: Geometry, beta: Floats, step: Floats, theta: Floats) -> float:
    """The share of a step along which the convex Q does not rise steeply again."""
    slope = abs(float(geometry.mirror(theta) @ step))
    share = 1.0
    while share > 1e-6:
        there = geometry.theta(beta + share * step)
        if float(geometry.mirror(there) @ step) <= 0.5 * slope:
            break
        share /= 2
    return share
