"""The early law as figures draw it."""

from __future__ import annotations

import numpy as np

from normlaws.arrays import Floats
from normlaws.laws.fitting import Laws


def early_line(laws: Laws) -> tuple[Floats, Floats]:
    """Log norms along the early window and the early law's errors there. (n,), (n,).

    It is that of the largest size, which stays longest in the window, and begins where it falls
    below the highest of the mean curves: near chance the law lies above any of them. Empty where
    there is no window, or no law.
    """
    law = laws.early_law
    if laws.early_window is None or not np.isfinite(law.log_prefactor):
        return np.empty(0), np.empty(0)
    low, high = laws.early_window
    ratio = np.log(laws.sizes["size"].max() / laws.reference_size)
    constant = law.log_prefactor - laws.gamma0.value * ratio
    if law.exponent < 0:
        top = np.log(laws.mean_curves["error"].max())
        low = max(low, (top - constant) / law.exponent)
    logs = np.linspace(low, high, 30) if low < high else np.empty(0)
    return logs, np.exp(constant + law.exponent * logs)
