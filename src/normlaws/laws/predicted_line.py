"""The lowest error that the two laws predict, as figures draw it."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from normlaws.arrays import Floats
from normlaws.laws.early_line import with_plateau
from normlaws.laws.fitting import Laws


def predicted_line(laws: Laws, log_sizes: Floats) -> Floats:
    """Errors along ln P that fall by the slope γ0 + γ1·γ2. (n,) for (n,).

    The two laws fix no height, so the line goes through the centroid of the sizes in the fit. It
    leaves the plateau at chance as the early law does. NaN where the slope is not known.
    """
    used = laws.sizes[laws.sizes["used"].astype(bool)]
    logs, slope = np.log(used["size"].to_numpy(dtype=float)), -laws.product.value
    centre = float(np.log(used["error"]).mean())
    height = centre - slope * float(logs.mean())
    plateau = with_plateau(laws)
    if plateau is None or not np.isfinite(slope) or centre >= plateau.log_chance:
        return np.exp(height + slope * log_sizes)

    def above(rise: float) -> float:
        return float(plateau.from_chance(height + rise + slope * logs).mean()) - centre

    rise = 1.0
    while above(rise) < 0:
        rise *= 2
    raised = height + brentq(above, -1.0, rise)
    return np.exp(plateau.from_chance(raised + slope * log_sizes))
