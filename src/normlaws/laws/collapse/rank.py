"""Which runs of a sweep can stop: what each is expected to end at, and the regret of stopping."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from normlaws.laws.collapse.finish import Finish
from normlaws.laws.distributions import normal_below, normal_density

STOP = 0.05  # chance of ending lowest below which a run can stop


def ranked(found: Sequence[Finish]) -> pd.DataFrame:
    """One row per run, best expected final value first.

    Columns: ``run``, ``size``, ``x``, ``value``, ``low``, ``high``; ``chance`` that it ends below
    the run that leads now; ``regret``, the improvement on the leader that is expected to be lost
    by stopping the run now; ``stop``, whether that chance is below 5 %. The leader's own chance is
    that of staying ahead of the next one, and its regret what stopping it would cost.
    """
    rows = sorted(found, key=lambda one: one.value.value)
    values = np.array([one.value.value for one in rows])
    spread = np.array([_spread(one) for one in rows])
    lead = np.zeros(len(rows), dtype=int)
    lead[:1] = min(1, len(rows) - 1)
    apart = values - values[lead]
    width = np.maximum(np.hypot(spread, spread[lead]), np.finfo(float).tiny)
    z = apart / width
    chance = normal_below(-z)
    regret = width * (normal_density(z) - z * chance)
    return pd.DataFrame(
        {
            "run": [one.run for one in rows],
            "size": [one.size for one in rows],
            "x": [one.x for one in rows],
            "value": values,
            "low": [one.value.low for one in rows],
            "high": [one.value.high for one in rows],
            "chance": chance,
            "regret": regret,
            "stop": (chance < STOP) & (np.arange(len(rows)) > 0),
        }
    )


def _spread(one: Finish) -> float:
    if one.value.low is None or one.value.high is None:
        return 0.0
    return (one.value.high - one.value.low) / (2 * 1.96)
