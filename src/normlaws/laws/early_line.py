"""The early law as figures draw it."""

from __future__ import annotations

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.estimators.crossover import Crossover
from normlaws.laws.fitting import Laws
from normlaws.laws.result import PowerLaw


def early_line(laws: Laws) -> tuple[Floats, Floats]:
    """Log norms along the early window and the early law's errors there. (n,), (n,).

    It is that of the largest size, which stays longest in the window. A law of the joint fit leaves
    the plateau at chance as it was fitted to; one of a window begins where it falls below the
    highest of the mean curves. Empty where there is no window, or no law.
    """
    if laws.early_window is None or not np.isfinite(laws.early_law.log_prefactor):
        return np.empty(0), np.empty(0)
    low, high = laws.early_window
    ratio = np.log(laws.sizes["size"].max() / laws.reference_size)
    constant, exponent = laws.early_law.log_prefactor, laws.early_law.exponent
    law = PowerLaw(constant - laws.gamma0.value * ratio, exponent)
    plateau = with_plateau(laws)
    if plateau is not None:
        logs = np.linspace(low, high, 30)
        return logs, np.exp(plateau.from_chance(law.log(logs)))
    if exponent < 0:
        top = np.log(laws.mean_curves["error"].max())
        low = max(low, (top - law.log_prefactor) / exponent)
    logs = np.linspace(low, high, 30) if low < high else np.empty(0)
    return logs, law(logs)


def with_plateau(laws: Laws) -> Crossover | None:
    """The joint fit where it gives the early law and has a plateau at chance; else None."""
    found = laws.samples
    if found.joint is None or not found.joint_is_used:
        return None
    fitted = found.joint.crossover
    return fitted if np.isfinite(fitted.log_chance) else None
