"""How far a forecast may be off because the law of ε_opt against P has another form.

Forms that fit the sizes at hand alike part beyond them. The forecast is that of the form that wins
the contest of ``size_law``. Its error is what past forecasts were off by, and half the distance to
M4 (Alabdulmohsin et al. 2022), which bends where the others do not: the standard deviation of two
forms that are as likely to be right.
``benchmarks/forecasts.py`` compares the forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.estimators.size_law import FORMS, SizeLaw, predict
from normlaws.laws.forecasts.baselines import M4, Fitted, fit_baseline

DRIFT, WEIGHT = 0.025, 1  # usual where the laws hold, per √(e-fold of P); worth one past forecast


@dataclass(frozen=True)
class Form:
    """The winner of the contest, and its rival.

    Attributes:
        law: the contest.
        log_p, log_error: (K,) ln P and ln ε_opt of the data.
    """

    law: SizeLaw
    log_p: Floats
    log_error: Floats

    @cached_property
    def rival(self) -> Fitted | None:
        """M4 on the data; None with fewer sizes than it has parameters."""
        return fit_baseline(M4(), self.log_p, self.log_error)

    def error(self, log_p: float) -> float:
        """Standard deviation that the choice of a form leaves at ln P.

        Past forecasts err by a drift that grows with the square root of the distance. Few of them
        know it badly, so that what is usual counts as one more.
        """
        ahead = max(log_p - self.law.largest, 0.0)
        count, seen = self.law.origins, float(np.nan_to_num(self.law.drift[0]))
        drift = np.sqrt((count * seen**2 + WEIGHT * DRIFT**2) / (count + WEIGHT))
        return float(np.hypot(drift * np.sqrt(ahead), self.apart(log_p)))

    def apart(self, log_p: float) -> float:
        """Half the distance to the rival; without one, root mean square of the other forms."""
        at = np.array([log_p])
        mine = float(self.law.of_data(at)[0])
        if self.rival is not None:
            return abs(float(self.rival.log_error(at)[0]) - mine) / 2
        x = at - self.law.centre
        forms = np.array([predict(self.law.theta[:1, f], x)[0, 0] for f in range(len(FORMS))])
        return float(np.sqrt(np.nanmean((forms - mine) ** 2)))
