"""How far a forecast may be off because the law of ε_opt against P has another form.

Forms that fit the sizes at hand alike part beyond them. The forecast is that of the form that wins
the contest of ``size_law``. Its error is what past forecasts were off by, and the distance to M4
(Alabdulmohsin et al. 2022), which bends where the others do not: were either form as likely to be
right, the truth would lie about the winner with a root mean square of that distance over √2.
``benchmarks/forecasts.py`` compares the forms.
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
        know it badly, so that what is usual counts as two more, and Student's t widens it.
        """
        ahead = max(log_p - self.law.largest, 0.0)
        count, seen = self.law.origins, float(np.nan_to_num(self.law.drift[0]))
        drift = np.sqrt((count * seen**2 + WEIGHT * DRIFT**2) / (count + WEIGHT))
        widen = float(stats.t.ppf(0.975, count + WEIGHT)) / NORMAL
        return float(np.hypot(widen * drift * np.sqrt(ahead), self.apart(log_p)))

    def apart(self, log_p: float) -> float:
        """Distance to the rival over √2; without one, root mean square of the other forms."""
        at = np.array([log_p])
        mine = float(self.law.of_data(at)[0])
        if self.rival is not None:
            return abs(float(self.rival.log_error(at)[0]) - mine) / float(np.sqrt(2.0))
        x = at - self.law.centre
        forms = np.array([predict(self.law.theta[:1, f], x)[0, 0] for f in range(len(FORMS))])
        return float(np.sqrt(np.nanmean((forms - mine) ** 2)))
