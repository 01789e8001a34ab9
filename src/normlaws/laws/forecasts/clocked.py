"""Which clock carries an unfinished run to its optimum: the one that would have done so before.

An unfinished run is forecast from the last stretch of finished sizes, measured along some clock:
the norm, or the training loss. For every finished size that has three smaller ones, the curve is
cut where its norm passes the optimum of the next smaller size, and its optimum is forecast along
each clock. All clocks are cut at the same moment: where the error first falls to what it is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Flags, Floats
from normlaws.laws.data.grid import Panel
from normlaws.laws.estimators.least_squares import straight_line
from normlaws.laws.forecasts.unfinished import from_partial

MIN_VISIBLE = 3


@dataclass(frozen=True)
class Clocked:
    """Mean curves along one clock under each row of weights; row 0 is the data.

    Attributes:
        name: of the clock.
        grid: (G,) its logarithm.
        curves: (B, K, G) mean ln error.
        place: (B, K) mean logarithm of the clock at the optimum.
        lowest: (B, K) ln ε_opt.
        used: (K,) finished sizes with an optimum.
        log_sizes: (K,) ln P.
    """

    name: str
    grid: Floats
    curves: Floats
    place: Floats
    lowest: Floats
    used: Flags
    log_sizes: Floats

    def optimum_of(self, k: int) -> Floats:
        """Ln ε_opt of size k, whose runs are unfinished. (B,)."""
        return self._from(self.curves[:, k], k, self.used, slice(None))

    def cuts(self) -> Floats:
        """Ln error of every size on the data where the clock passes the next smaller optimum. (K,).

        NaN where fewer than three finished sizes are smaller.
        """
        out = np.full(len(self.used), np.nan)
        seen = np.flatnonzero(self.used)
        for before, k in zip(seen[MIN_VISIBLE - 1 :], seen[MIN_VISIBLE:], strict=False):
            known = np.isfinite(self.curves[0, k])
            at = self.place[0, before]
            out[k] = np.interp(
                at, self.grid[known], self.curves[0, k, known], left=np.nan, right=np.nan
            )
        return out

    def past_errors(self, cuts: Floats) -> Floats:
        """Ln (forecast/actual) of every size that was cut at ``cuts`` (K,) in its ln error. (K,).

        NaN where there is none.
        """
        errors = np.full(len(self.used), np.nan)
        for k in np.flatnonzero(np.isfinite(cuts) & self.used):
            curve = self.curves[:1, k]
            reached = curve[0] <= cuts[k]
            if not reached.any():
                continue
            stands = np.arange(len(self.grid)) <= np.argmax(reached)
            seen = self.used & (np.arange(len(self.used)) < k)
            found = self._from(np.where(stands, curve, np.nan), int(k), seen, slice(0, 1))
            errors[k] = found[0] - self.lowest[0, k]
        return errors

    @np.errstate(divide="ignore", invalid="ignore")
    def _from(self, partial: Floats, k: int, seen: Flags, rows: slice) -> Floats:
        constant, slope = straight_line(self.log_sizes[seen], self.place[rows][:, seen])
        return from_partial(
            self.grid,
            self.curves[rows],
            seen,
            self.place[rows],
            self.lowest[rows],
            partial,
            constant + slope * self.log_sizes[k],
        )


def along(name: str, panel: Panel, weights: Floats, used: Flags) -> Clocked:
    """The curves of a panel whose norm is the clock, under each row of weights. (B, R), (K,)."""
    return Clocked(
        name,
        panel.grid,
        panel.mean_curves(weights),
        panel.size_means(panel.opt_norm, weights),
        panel.size_means(panel.opt_error, weights),
        used,
        np.log(panel.sizes),
    )


def rms(errors: Floats) -> float:
    """Root mean square of what is not NaN; NaN where there are none."""
    known = errors[np.isfinite(errors)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else float("nan")
