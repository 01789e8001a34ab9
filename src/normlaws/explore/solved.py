"""What the theory tab shows, computed by :mod:`normlaws.theory`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from normlaws.errors import NormlawsWarning
from normlaws.explore.state import NORMS
from normlaws.theory import FixedNormPerceptron, rule

RULES = ("hebb", "gibbs", "max-stability", "bayes")
POINTS = 161


@dataclass(frozen=True)
class Solved:
    """The perceptron at one α and λ.

    Attributes:
        curve: ``norm``, ``generalization_error``, ``overlap`` along λ.
        rules: ε of the classical rules at this α.
        error, overlap: at the current point; NaN beyond double precision.
        best_norm, best_error: λ_opt and ε there.
    """

    curve: pd.DataFrame
    rules: dict[str, float]
    error: float
    overlap: float
    best_norm: float
    best_error: float


@lru_cache(maxsize=64)
def solve(alpha: float, norm: float) -> Solved:
    """Solve for one α along λ, and at one point.

    Raises:
        InputError: α or λ is not a positive finite number.
    """
    theory = FixedNormPerceptron()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NormlawsWarning)  # beyond precision: the line ends there
        path = theory.solve(alpha, np.geomspace(*NORMS, POINTS))
        here = theory.solve(alpha, norm)
        best = theory.optimum(alpha)
    curve = pd.DataFrame(
        {
            "norm": path.norm,
            "generalization_error": path.generalization_error,
            "overlap": path.overlap,
        }
    )
    return Solved(
        curve=curve.dropna(ignore_index=True),
        rules={name: float(rule(name).generalization_error(alpha)) for name in RULES},
        error=float(here.generalization_error),
        overlap=float(here.overlap),
        best_norm=float(best.norm),
        best_error=float(best.generalization_error),
    )
