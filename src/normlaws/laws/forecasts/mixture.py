"""What sizes not yet run are forecast with: the mean of two forms of the law of ε_opt against P.

The forecast is the geometric mean of the form that wins the contest of ``size_law`` and of M4
(Alabdulmohsin et al. 2022). Forms that fit the sizes at hand alike part beyond them, and a mean of
forms is off by less than most of them (Bates and Granger 1969). How far the two are apart, with the
errors of past forecasts, is the error of the form. ``benchmarks/forecasts.py`` compares the forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats

from normlaws.arrays import Floats
from normlaws.laws.estimators.size_law import FORMS, SizeLaw, predict
from normlaws.laws.forecasts.baselines import M4, Fitted, fit_baseline

NORMAL = 1.959964
DRIFT, WEIGHT = 0.05, 2  # per √(e-fold of P), worth two past forecasts
REACH = 60.0  # e-folds of P within which a target is looked for
HALVINGS = 60


@dataclass(frozen=True)
class Mixture:
    """The winner of the contest with M4.

    Attributes:
        law: the contest of forms under every resample.
        log_p, log_error: (K,) ln P and ln ε_opt of the data.
    """

    law: SizeLaw
    log_p: Floats
    log_error: Floats

    @cached_property
    def other(self) -> Fitted | None:
        """M4 on the data; None with fewer sizes than it has parameters."""
        return fit_baseline(M4(), self.log_p, self.log_error)

    @property
    def name(self) -> str:
        """The forms, by name."""
        return self.law.form if self.other is None else f"{self.law.form} + m4"

    def predict(self, log_p: Floats) -> Floats:
        """Ln ε_opt under every resample. (n,) -> (B, n).

        Resamples move the winner; M4 keeps the distance that it has on the data.
        """
        return self.law.log_error(log_p) + self._apart(log_p) / 2

    def form_error(self, log_p: float) -> float:
        """Standard deviation that the choice of a form leaves at ln P.

        Past forecasts err by a drift that grows with the square root of the distance. Few of them
        know it badly, so that what is usual counts as two more, and Student's t widens it.
        """
        ahead = max(log_p - self.law.largest, 0.0)
        count, seen = self.law.origins, float(np.nan_to_num(self.law.drift[0]))
        drift = np.sqrt((count * seen**2 + WEIGHT * DRIFT**2) / (count + WEIGHT))
        widen = float(stats.t.ppf(0.975, count + WEIGHT)) / NORMAL
        return float(np.hypot(widen * drift * np.sqrt(ahead), self._spread(log_p)))

    def log_size(self, log_error: float) -> Floats:
        """Ln P at which an error is reached; infinite where it never is. (B,)."""
        rows = len(self.law.theta)
        low = np.full(rows, self.law.largest - REACH)
        high = np.full(rows, self.law.largest + REACH)
        out_of_reach = ~(self._diagonal(high) <= log_error)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            above = self._diagonal(middle) > log_error
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return np.where(out_of_reach, np.inf, high)

    def slope(self, log_p: float) -> float:
        """Minus the slope of the data's forecast at ln P."""
        here, there = self.predict(np.array([log_p - 0.05, log_p + 0.05]))[0]
        return float(here - there) / 0.1

    def _diagonal(self, log_p: Floats) -> Floats:
        """Every resample at an ln P of its own. (B,) -> (B,)."""
        x = (log_p - self.law.centre)[:, None]
        return predict(self.law.parameters, x)[:, 0] + self._apart(log_p) / 2

    def _apart(self, log_p: Floats) -> Floats:
        """M4 less the winner on the data. (n,) -> (n,)."""
        if self.other is None:
            return np.zeros(len(log_p))
        return self.other.log_error(log_p) - self.law.of_data(log_p)

    def _spread(self, log_p: float) -> float:
        """Root mean square of the forms about the forecast."""
        at = np.array([log_p])
        if self.other is not None:
            return float(abs(self._apart(at)[0])) / 2
        x = at - self.law.centre
        forms = np.array([predict(self.law.theta[:1, f], x)[0, 0] for f in range(len(FORMS))])
        return float(np.sqrt(np.nanmean((forms - self.law.of_data(at)[0]) ** 2)))
