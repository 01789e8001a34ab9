"""The early law as figures draw it."""

from __future__ import annotations

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.fitting import Laws
from normlaws.laws.result import PowerLaw


def early_line(laws: Laws) -> tuple[Floats, Floats]:
    """Log norms along the early window and the early law's errors there. (n,), (n,).

    It is that of the largest size, which stays longest in the window, and begins where it falls
    below the highest of the mean curves: near chance the law lies above any of them. Empty where
    there is no window, or no law.
    """
    if laws.early_window is None or not np.isfinite(laws.early_law.log_prefactor):
        return np.empty(0), np.empty(0)
    low, high = laws.early_window
    ratio = np.log(laws.sizes["size"].max() / laws.reference_size)
    constant, exponent = laws.early_law.log_prefactor, laws.early_law.exponent
    law = PowerLaw(constant - laws.gamma0.value * ratio, exponent)
    if exponent < 0:
        top = np.log(laws.mean_curves["error"].max())
        low = max(low, (top - law.log_prefactor) / exponent)
    logs = np.linspace(low, high, 30) if low < high else np.empty(0)
    return logs, law(logs)
