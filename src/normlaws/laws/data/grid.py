"""All runs on one grid of log norms, and their optima: the arrays that every estimator shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from normlaws.arrays import Floats
from normlaws.laws.data.optimum import Optimum, finest, optimum, roughness
from normlaws.laws.data.runs import Run

POINTS = 64
BEGUN = 0.05  # share of the fall in ln error after which learning has begun
FIFTH = 0.2  # of the fall, which a window of the early law leaves out where there is a plateau
PLATEAU = 0.5  # share of the way to the optimum that tells a plateau at chance from a power law
BEFORE = 0.3  # of the way from there to the optimum, kept before it: a plateau shows its corner
CLEAR_RISE = 0.03  # ln of the choice metric from the optimum to the end of training
EXACT = 1e-4  # noise in ln error below which a curve without seeds is no average
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Panel:
    """Usable runs, their optima, and their descents interpolated on a common grid.

    R runs, K sizes, G grid points.
    """

    runs: tuple[Run, ...]
    optima: tuple[Optimum, ...]
    examples: int | None = None  # that scored an error, where known

    @cached_property
    def sizes(self) -> Floats:
        """Training-set sizes P, ascending. (K,)."""
        return np.unique([float(run.size) for run in self.runs])

    @cached_property
    def member(self) -> Floats:
        """One where a run has a size, else zero. (R, K)."""
        sizes = np.array([run.size for run in self.runs], dtype=float)
        found: Floats = (sizes[:, None] == self.sizes).astype(float)
        return found

    @cached_property
    def seeds(self) -> NDArray[np.int64]:
        """Seed of each run; −1 where it has none. (R,)."""
        return np.array([-1 if run.seed is None else run.seed for run in self.runs])

    @property
    def seedless(self) -> bool:
        """Whether curves are averages or exact: nothing to resample."""
        return bool((self.seeds < 0).any())

    @cached_property
    def exact(self) -> bool:
        """Whether curves without seeds are exact, smooth to 1e-4: nothing is uncertain."""
        return self.seedless and all(finest(run.log_error) < EXACT for run in self.runs)

    @cached_property
    def opt_norm(self) -> Floats:
        """Per run ln λ_opt. (R,)."""
        return np.array([best.log_norm for best in self.optima])

    @cached_property
    def opt_error(self) -> Floats:
        """Per run ln ε_opt. (R,)."""
        return np.array([best.log_error for best in self.optima])

    @cached_property
    def censored(self) -> Bools:
        """Whether the optimum sits at the end of training. (R,).

        An optimum at the last record but one is one only where the single rise after it repeats: in
        more than half of the other runs of that size, or beyond the noise where there are none.
        """
        ends = np.array([best.censored for best in self.optima])
        barely = np.array([best.barely for best in self.optima])
        alike = self.member @ self.member.T - np.eye(len(self.runs))
        others = alike.sum(axis=1)
        repeats = np.where(others > 0, alike @ ~ends > others / 2, self._risen)
        return np.asarray(ends | (barely & ~repeats))

    @property
    def _risen(self) -> Bools:
        """Whether the rise from the optimum to the end is clear of the noise. (R,)."""
        return np.array([best.rise >= max(CLEAR_RISE, 2 * best.noise) for best in self.optima])

    @cached_property
    def levels_off(self) -> bool:
        """Whether, at most sizes, most runs show no clear minimum before they end."""
        return self.most(~self._risen | self.censored)

    def most(self, which: Bools) -> bool:
        """Whether more than half of the runs have a property, at more than half of the sizes."""
        share = (self.member.T @ which) / self.member.sum(axis=0)
        return bool((share > 0.5).mean() > 0.5)

    @cached_property
    def grid(self) -> Floats:
        """Common grid of log norms, even, without a plateau at chance before it. (G,)."""
        low = min(run.log_norm[run.rising].min() for run in self.runs)
        low = max(low, self.learning_begins)
        high = max(run.log_norm[run.rising].max() for run in self.runs)
        return np.linspace(low, high, POINTS)

    @property
    def learning_begins(self) -> float:
        """Log norm a little before the first size leaves chance.

        A network of small initial weights passes many decades of norm before its error moves.
        """
        begun = np.array([log_norm_begun(*_rising(run), BEGUN) for run in self.runs])
        way = np.maximum(self.opt_norm - begun, 0.0)
        before = begun - BEFORE * way
        return float(min(np.median(before[mine > 0]) for mine in self.member.T))

    @cached_property
    def early_begins(self) -> float:
        """Log norm at which the first size has a fifth of its fall behind it; −inf without plateau.

        There is a plateau where the median run spends half its way to the optimum on that fifth.
        """
        first = np.array([run.log_norm[run.rising][0] for run in self.runs])
        begun = np.array([log_norm_begun(*_rising(run), FIFTH) for run in self.runs])
        way = np.maximum(self.opt_norm - first, 1e-9)
        if np.median((begun - first) / way) <= PLATEAU:
            return -float("inf")
        return float(min(np.median(begun[mine > 0]) for mine in self.member.T))

    @cached_property
    def on_grid(self) -> Floats:
        """The ln error of each run along its rising norm; NaN outside its range. (R, G)."""
        return np.array([_interpolated(run, self.grid) for run in self.runs])

    @cached_property
    def trusted(self) -> Bools:
        """Grid points that at least two thirds of a size's runs cover. (K, G)."""
        covered = self.member.T @ np.isfinite(self.on_grid)
        found: Bools = (covered > 0) & (covered >= 2 / 3 * self.member.sum(axis=0)[:, None] - 1e-9)
        return found

    @cached_property
    def noise(self) -> Floats:
        """Standard error of each size's mean curve, in ln error. (K,).

        From the scatter of seeds; from the curves' roughness where there are no two seeds.
        """
        rough = np.array([roughness(run.log_error) for run in self.runs])
        errors = []
        for k in range(len(self.sizes)):
            mine = self.member[:, k] > 0
            spread = _seed_spread(self.on_grid[mine])
            alone = float(np.sqrt(np.mean(rough[mine] ** 2)))
            errors.append((alone if np.isnan(spread) else spread) / np.sqrt(mine.sum()))
        return np.array(errors)

    def mean_curves(self, weights: Floats) -> Floats:
        """Geometric-mean curves under each row of run weights; NaN uncovered. (B, K, G)."""
        values = np.nan_to_num(self.on_grid)
        covered = np.isfinite(self.on_grid).astype(float)
        out = np.empty((len(weights), len(self.sizes), len(self.grid)))
        for k in range(len(self.sizes)):
            mine = self.member[:, k] > 0
            total = weights[:, mine] @ covered[mine]
            with np.errstate(invalid="ignore", divide="ignore"):
                out[:, k] = np.where(total > 0, weights[:, mine] @ values[mine] / total, np.nan)
        return out

    def size_means(self, values: Floats, weights: Floats) -> Floats:
        """Mean over runs of each size; NaN where a resample drew none. (B, K)."""
        total = weights @ self.member
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(total > 0, (weights * values) @ self.member / total, np.nan)


def panel_of(runs: list[Run], examples: int | None = None) -> Panel:
    """Keep the usable runs and find their optima; ``examples`` scored them, where known."""
    usable = tuple(run for run in runs if run.usable)
    return Panel(usable, tuple(optimum(run) for run in usable), examples)


def log_norm_begun(log_norm: Floats, log_error: Floats, begun: float) -> float:
    """Where a share ``begun`` of the fall in ln error, start to lowest, is done; arrays (n,)."""
    fallen = log_error <= log_error[0] - begun * (log_error[0] - log_error.min())
    return float(log_norm[np.argmax(fallen)])


def _rising(run: Run) -> tuple[Floats, Floats]:
    return run.log_norm[run.rising], run.log_error[run.rising]


def _interpolated(run: Run, grid: Floats) -> Floats:
    return np.interp(grid, *_rising(run), left=np.nan, right=np.nan)


def _seed_spread(curves: Floats) -> float:
    """Typical standard deviation over seeds along the curves, robust to a few wild places."""
    enough = np.isfinite(curves).sum(axis=0) >= 2
    if not enough.any():
        return float("nan")
    return float(np.sqrt(np.median(np.nanvar(curves[:, enough], axis=0, ddof=1))))
