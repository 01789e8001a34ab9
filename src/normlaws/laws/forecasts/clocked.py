"""Which clock carries an unfinished run to its optimum: the one that would have done so before.

An unfinished run is forecast from the last stretch of finished sizes, measured along some clock:
the norm, or the training loss. For every finished size that has three smaller ones, the curve is
cut as far before its optimum as the unfinished run stands before the one it is expected at, and its
optimum is forecast along each clock. All clocks are cut at the same moment: where the error first
falls to what it is there.

What falls alike before the optimum of every size is the part above the floor of the optima. Where
that floor is high, as that of a cross-entropy, it is taken off before curves are compared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from normlaws.arrays import Flags, Floats
from normlaws.laws.data.grid import Panel
from normlaws.laws.estimators.least_squares import straight_line
from normlaws.laws.estimators.profile import power_law_with_floor
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
        floored: whether the floor of the optima against P is taken off before curves are compared.
    """

    name: str
    grid: Floats
    curves: Floats
    place: Floats
    lowest: Floats
    used: Flags
    log_sizes: Floats
    floored: bool = False

    def above_a_floor(self) -> Clocked:
        """The same clock with the floor of the optima taken off."""
        return replace(self, floored=True)

    def optimum_of(self, k: int) -> Floats:
        """Ln ε_opt of size k, whose runs are unfinished. (B,)."""
        return self._from(self.curves[:, k], k, self.used, slice(None))

    def cuts(self, ahead: float | None = None) -> Floats:
        """Ln error of every size on the data where its curve is cut in back-tests. (K,).

        NaN where fewer than three finished sizes are smaller, or nothing is recorded there.

        Args:
            ahead: how far before its own optimum, in the logarithm of the clock; by default where
                the clock passes the optimum of the next smaller size.
        """
        out = np.full(len(self.used), np.nan)
        seen = np.flatnonzero(self.used)
        for before, k in zip(seen[MIN_VISIBLE - 1 :], seen[MIN_VISIBLE:], strict=False):
            known = np.isfinite(self.curves[0, k])
            at = self.place[0, before] if ahead is None else self.place[0, k] - ahead
            out[k] = np.interp(
                at, self.grid[known], self.curves[0, k, known], left=np.nan, right=np.nan
            )
        return out

    def remaining(self, k: int) -> float:
        """How far size k, whose runs are unfinished, stands before the optimum it is expected at.

        In the logarithm of the clock, on the data.
        """
        constant, slope = straight_line(self.log_sizes[self.used], self.place[:1, self.used])
        stands = self.grid[np.flatnonzero(np.isfinite(self.curves[0, k]))[-1]]
        return max(float(constant[0] + slope[0] * self.log_sizes[k] - stands), 0.0)

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
        floor = self._floor(seen, rows)
        found = from_partial(
            self.grid,
            _above(self.curves[rows], floor[:, None, None]),
            seen,
            self.place[rows],
            _above(self.lowest[rows], floor[:, None]),
            _above(partial, floor[:, None]),
            constant + slope * self.log_sizes[k],
        )
        return np.asarray(np.log(np.exp(found) + floor))

    def _floor(self, seen: Flags, rows: slice) -> Floats:
        """Floor of the seen sizes' lowest errors; 0 where not asked for, or not found. (B,)."""
        lowest = self.lowest[rows][:, seen]
        if not self.floored:
            return np.zeros(len(lowest))
        fit = power_law_with_floor(np.exp(self.log_sizes[seen]), np.exp(lowest), objective="log")
        return np.where(fit.status == "converged", fit.floor, 0.0)


def _above(log_error: Floats, floor: Floats) -> Floats:
    """Ln of what an error lies above a floor; NaN where it does not."""
    if not np.any(floor):
        return log_error
    above = np.exp(log_error) - floor
    return np.asarray(np.log(np.where(above > 0, above, np.nan)))


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
