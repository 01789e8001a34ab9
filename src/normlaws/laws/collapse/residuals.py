"""Which run is mis-scaled: how far each lies from the collapsed curve, and whether that has order.

If every horizon is right, residuals are noise. Horizons that grow too slowly with size leave the
large models ever further from their own end, so their normalised curves lie higher; horizons that
grow too fast do the opposite. The trend of the residuals in ln size says which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.laws.collapse.ladder import Ladder
from normlaws.laws.collapse.measure import Measured
from normlaws.laws.distributions import t_quantile
from normlaws.laws.estimators.least_squares import one_line
from normlaws.laws.result import Estimate

PLACES = (0.2, 0.5, 0.8)
SMALL = 0.02  # chance that noise alone has such an order in size
ROUNDING = 1e-6
SEEDLESS_UNIT = 0.01


@dataclass(frozen=True)
class Residuals:
    """Signed distances of the runs from the collapsed curve.

    Attributes:
        table: one row per run: ``run``, ``size``, ``seed``, ``residual`` (mean over .1 < x < 1)
            and the residual at single x.
        unit: what they are counted in: ``sigma`` (σ̄(x)), or ``per cent`` of the reducible loss
            where no seeds tell the noise.
        trend: change of the mean residual when size grows e-fold, with its 95 % interval.
        ordered: whether the residuals follow ln size, in a line or in rank (2 %).
    """

    table: pd.DataFrame
    unit: str
    trend: Estimate
    ordered: bool

    @property
    def direction(self) -> str:
        """What the trend says of the horizons, in a word: ``short``, ``long`` or ``none``."""
        if not self.ordered:
            return "none"
        return "short" if self.trend.value > 0 else "long"

    def __str__(self) -> str:
        words = {
            "none": "the residuals have no order in size",
            "short": "large models lie above: horizons grow too slowly with size",
            "long": "large models lie below: horizons grow too fast with size",
        }
        return f"{words[self.direction]} (trend {self.trend.value:+.2g} {self.unit} per e-fold)"


def residuals_of(ladder: Ladder, measured: Measured, floor: float) -> Residuals:
    """Distances of every run's ln ℓ from that of the mean curve, over the noise."""
    scaled, unit = _scaled(ladder, measured, floor)
    window = ladder.window
    mean = scaled[:, window].mean(axis=1)
    table = pd.DataFrame(
        {
            "run": [track.name for track in ladder.finished],
            "size": [track.size for track in ladder.finished],
            "seed": pd.array([track.seed for track in ladder.finished], dtype="Int64"),
            "residual": mean,
        }
    )
    for place in PLACES:
        if ladder.grid[0] <= place:
            table[f"at_{place:g}"] = scaled[:, np.argmin(np.abs(ladder.grid - place))]
    logs = np.log([track.size for track in ladder.finished])
    return Residuals(table, unit, *_trend(logs, mean))


def _scaled(ladder: Ladder, measured: Measured, floor: float) -> tuple[Floats, str]:
    """(R, G) residuals and their unit."""
    off = ladder.normalised(floor) / measured.curve[0] - 1
    noise = measured.mean_noise[0]
    if np.isfinite(noise[ladder.window]).all() and (noise[ladder.window] > 0).all():
        return off / noise, "sigma"
    return off / SEEDLESS_UNIT, "per cent"


def _trend(log_sizes: Floats, residuals: Floats) -> tuple[Estimate, bool]:
    """Slope of the runs' residuals against ln size, and whether it or their ranks show order."""
    kinds = len(np.unique(log_sizes))
    if kinds < 2:
        return Estimate(float("nan")), False
    if kinds < 3:
        return Estimate(one_line(log_sizes, residuals)[1]), False
    from scipy import stats

    line = stats.linregress(log_sizes, residuals)
    width = float(t_quantile(0.975, len(residuals) - 2) * line.stderr)
    rank = stats.spearmanr(log_sizes, residuals)
    found = Estimate(float(line.slope), float(line.slope - width), float(line.slope + width))
    real = np.ptp(residuals) > ROUNDING
    return found, bool(real and min(line.pvalue, rank.pvalue) < SMALL)
