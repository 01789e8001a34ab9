"""Deviation Δ(x) between normalised curves, and the noise σ(x, p) that it is compared with.

Arrays: B resamples (row 0 is the data), R runs, K groups, G places x.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from normlaws.arrays import Floats
from normlaws.laws.collapse.floor import group_means
from normlaws.laws.collapse.ladder import Ladder


@dataclass(frozen=True)
class Measured:
    """Everything that a collapse is judged by, under every resample.

    Attributes:
        curve: (B, G) mean normalised curve, sizes weighted alike.
        between: (B, G) variance of the groups' mean curves over the squared mean.
        within: (B, G) mean variance over the seeds of a group over the squared mean.
        noise: (B, K, G) σ(x, p): standard deviation over seeds of the reducible loss itself, over
            its mean; NaN for a group of one run.
        window: (G,) where Δ and σ are compared.
        grid: (G,) x.
    """

    curve: Floats
    between: Floats
    within: Floats
    noise: Floats
    window: NDArray[np.bool_]
    grid: Floats

    @cached_property
    def deviation(self) -> Floats:
        """Δ(x). (B, G)."""
        return np.asarray(np.sqrt(self.between + np.nan_to_num(self.within)))

    @cached_property
    def mean_noise(self) -> Floats:
        """σ̄(x), the mean over groups. (B, G); NaN without seeds."""
        known = np.isfinite(self.noise)
        count = known.sum(axis=1)
        total = np.where(known, self.noise, 0.0).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(count > 0, total / count, np.nan))

    @property
    def share(self) -> Floats:
        """Share of the window with Δ < σ̄. (B,)."""
        below = self.deviation[:, self.window] < self.mean_noise[:, self.window]
        return self._known(below.mean(axis=1))

    @property
    def rms(self) -> Floats:
        """Root mean square of Δ over the window. (B,)."""
        return _rms(self.deviation[:, self.window])

    @property
    def ratio(self) -> Floats:
        """Root mean square of Δ over that of σ̄, in the window. (B,)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._known(self.rms / _rms(self.mean_noise[:, self.window]))

    @property
    def onset(self) -> Floats:
        """d: Δ < σ̄ for every x in the window beyond 1 − d. (B,)."""
        x = self.grid[self.window]
        above = ~(self.deviation[:, self.window] < self.mean_noise[:, self.window])
        last = np.where(above.any(axis=1), len(x) - 1 - np.argmax(above[:, ::-1], axis=1), -1)
        start = np.where(
            last >= 0, x[np.maximum(last, 0)], x[0] - (x[1] - x[0] if len(x) > 1 else 0)
        )
        return self._known(1 - start)

    def _known(self, values: Floats) -> Floats:
        seeded = np.isfinite(self.mean_noise[:, self.window]).any(axis=1)
        return np.asarray(np.where(seeded, values, np.nan), dtype=float)


def measure(ladder: Ladder, weights: Floats, floor: Floats, normalise: str = "own") -> Measured:
    """Normalise every run and compare them.

    A resample that draws a seed twice has less spread than seeds have: variances over n seeds are
    multiplied by n / (n − 1) once more in rows beyond the first.

    Args:
        ladder: the runs.
        weights: (B, R) how often each run counts.
        floor: (B,) L0.
        normalise: divide by the reducible loss at the end of the run itself (``own``), or by its
            mean over the runs of the group (``mean``).
    """
    reducible = ladder.values[None] - floor[:, None, None]
    finals = reducible[:, :, -1:]
    if normalise == "mean":
        finals = group_means(ladder, weights, finals)[:, ladder.group]
    with np.errstate(invalid="ignore", divide="ignore"):
        normal = np.where(finals > 0, reducible / finals, np.nan)
        means, variances = _moments(ladder, weights, normal)
        middle = means.mean(axis=1)
        between = means.var(axis=1, ddof=1) / middle**2
        within = _mean_known(variances) / middle**2
        levels, spreads = _moments(ladder, weights, reducible)
        noise = np.where(levels > 0, np.sqrt(spreads) / levels, np.nan)
    return Measured(middle, between, within, noise, ladder.window, ladder.grid)


def _moments(ladder: Ladder, weights: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Means and unbiased variances over the runs of every group. (B, K, G) each."""
    means = group_means(ladder, weights, values)
    squares = group_means(ladder, weights, (values - means[:, ladder.group]) ** 2)
    count = ladder.counts[None, :, None].astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        unbiased = np.where(count > 1, count / (count - 1), np.nan)
    again = np.where(np.arange(len(values))[:, None, None] > 0, unbiased, 1.0)
    return means, squares * unbiased * again


def _mean_known(values: Floats) -> Floats:
    known = np.isfinite(values)
    count = known.sum(axis=1)
    return np.asarray(np.where(count > 0, np.where(known, values, 0).sum(axis=1) / count, np.nan))


def _rms(values: Floats) -> Floats:
    return np.asarray(np.sqrt(np.mean(values**2, axis=1)))
