"""Distribution functions as in ``scipy.stats``, whose import takes longer than most fits.

Arguments broadcast; probabilities outside 0 to 1 and degrees of freedom below 0 give NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special


def normal_below(z: Any) -> Any:
    """Probability that a standard normal variable is below ``z``."""
    return special.ndtr(z)


def normal_density(z: Any) -> Any:
    """Density of a standard normal variable."""
    return np.exp(-np.square(z) / 2) / np.sqrt(2 * np.pi)


def t_quantile(probability: Any, freedom: Any) -> Any:
    """Student's t that is exceeded with probability 1 − ``probability``."""
    return special.stdtrit(freedom, probability)


def f_quantile(probability: Any, numerator: Any, denominator: Any) -> Any:
    """The F ratio that is exceeded with probability 1 − ``probability``."""
    return special.fdtri(numerator, denominator, probability)


def f_above(ratio: Any, numerator: Any, denominator: Any) -> Any:
    """Probability that an F ratio exceeds ``ratio``."""
    return special.fdtrc(numerator, denominator, ratio)


def chi2_quantile(probability: Any, freedom: Any) -> Any:
    """The sum of squares that is exceeded with probability 1 − ``probability``."""
    return special.chdtri(freedom, 1 - probability)
