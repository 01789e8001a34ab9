"""How far the answer leans on one window, or on one size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from normlaws.curves import as_size
from normlaws.laws.data.grid import Panel
from normlaws.laws.estimators.early_window import MIN_SIZES, planes_between, running_sums
from normlaws.laws.estimators.resampled_fit import Samples, sample


def window_table(found: Samples) -> pd.DataFrame:
    """γ1 and γ0 of a plane fitted in the chosen window and in its neighbours.

    The start and the ends move by a quarter and by half of the window's length, together and
    apart; NaN where fewer than three sizes are left inside.
    Columns: ``low``, ``high`` (log norm, where the last size ends), ``gamma1``, ``gamma0``,
    ``scatter`` (ln error) and ``chosen``.
    """
    low, ends = float(found.early.low[0]), found.early.ends[:1]
    length = float(ends.max()) - low
    sums = running_sums(found.panel, found.curves[:1])
    rows = []
    for start in (-0.25, 0.0, 0.25, 0.5):
        for end in (-0.5, -0.25, 0.0, 0.25):
            if start - end >= 0.75:
                continue
            at, moved = low + start * length, ends + end * length
            plane = planes_between(found.panel, sums, np.array([at]), moved)
            fitted = plane.sizes[0] >= min(MIN_SIZES, len(found.panel.sizes))
            rows.append(
                {
                    "low": at,
                    "high": float(moved.max()),
                    "gamma1": float(plane.gamma1[0]) if fitted else np.nan,
                    "gamma0": float(plane.gamma0[0]) if fitted else np.nan,
                    "scatter": float(plane.scatter[0]) if fitted else np.nan,
                    "chosen": start == 0 and end == 0,
                }
            )
    return pd.DataFrame(rows)


def influence(found: Samples) -> pd.DataFrame:
    """Exponents when one size is left out, in turn; the first row leaves out none (``size`` 0).

    Columns: ``size``, ``gamma``, ``gamma0``, ``gamma1``, ``gamma2``, ``product``.
    """
    rows = [_exponents(0, found)]
    if len(found.panel.sizes) > 3:
        rows += [
            _exponents(as_size(size), sample(without(found.panel, size), 0, 0, found.window))
            for size in found.panel.sizes
        ]
    return pd.DataFrame(rows)


def without(panel: Panel, size: float) -> Panel:
    """The panel less one size."""
    keep = [i for i, run in enumerate(panel.runs) if run.size != size]
    return replace(
        panel,
        runs=tuple(panel.runs[i] for i in keep),
        optima=tuple(panel.optima[i] for i in keep),
    )


def _exponents(size: int, found: Samples) -> dict[str, float]:
    gamma1, gamma0 = found.early_exponents
    gamma2 = float(found.late[0, 1])
    return {
        "size": size,
        "gamma": -float(found.direct[0, 1]),
        "gamma0": float(np.asarray(gamma0)[0]),
        "gamma1": float(np.asarray(gamma1)[0]),
        "gamma2": gamma2,
        "product": float(gamma0[0] + gamma1[0] * gamma2),
    }
