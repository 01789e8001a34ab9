"""How far a forecast may be off because the law of ε_opt against P has another form.

Forms that fit the sizes at hand alike part beyond them. The forecast is that of the form that wins
the contest of ``size_law``. Its error is what past forecasts were off by, and the distance to M4
(Alabdulmohsin et al. 2022), which bends where the others do not.
``benchmarks/forecasts.py`` compares the forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.estimators.size_law import FORMS, SizeLaw, predict
from normlaws.laws.forecasts.baselines import M4, Fitted, fit_baseline

DRIFT, WEIGHT = 0.025, 1  # usual where the laws hold, per e-fold of P; worth one past forecast


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

        Past forecasts are off by a slope, since two forms part at least linearly. Few of them know
        it badly, so that what is usual counts as one more.
        """
        ahead = max(log_p - self.law.largest, 0.0)
        count, seen = self.law.origins, float(np.nan_to_num(self.law.lean[0]))
        lean = np.sqrt((count * seen**2 + WEIGHT * DRIFT**2) / (count + WEIGHT))
        return float(np.hypot(lean * ahead, self.apart(log_p)))

    def apart(self, log_p: float) -> float:
        """Distance to the rival; without one, root mean square of the other forms."""
        at = np.array([log_p])
        mine = float(self.law.of_data(at)[0])
        if self.rival is not None:
            return abs(float(self.rival.log_error(at)[0]) - mine)
        x = at - self.law.centre
        forms = np.array([predict(self.law.theta[:1, f], x)[0, 0] for f in range(len(FORMS))])
        return float(np.sqrt(np.nanmean((forms - mine) ** 2)))
