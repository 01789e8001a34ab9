"""Functional forms of ε_opt against P side by side: what each says, and how far they part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.laws.distributions import f_quantile
from normlaws.laws.forecasts.baselines import BASELINES, Fitted, fit_baseline

SPARE = 2  # sizes that a form must leave over to have a say in intervals
LEVEL = 0.95
FARTHEST = 20.0  # ln of the largest factor beyond the largest size at which an error is looked for
POINTS = 4000


@dataclass(frozen=True)
class Forms:
    """Every form that the sizes can bear, fitted to their mean lowest errors.

    Attributes:
        fitted: the forms; the power law always, others with fewer parameters than sizes.
        log_sizes: (K,) ln P, ascending.
        log_error: (K,) mean ln ε_opt.
    """

    fitted: tuple[Fitted, ...]
    log_sizes: Floats
    log_error: Floats

    def spare(self, one: Fitted) -> int:
        """Sizes less parameters."""
        return len(self.log_sizes) - len(one.baseline.parameters)

    def scatter(self, one: Fitted) -> float:
        """Standard deviation of ln ε about a form; NaN where no size is left over."""
        spare = self.spare(one)
        return float(one.rms * np.sqrt(len(self.log_sizes) / spare)) if spare else float("nan")

    @cached_property
    def admitted(self) -> tuple[Fitted, ...]:
        """Forms with two sizes to spare that fit no worse than the best of them (F test, 5 %)."""
        able = [one for one in self.fitted if self.spare(one) >= SPARE]
        if not able:
            return self.fitted[:1]
        best = min(able, key=self.scatter)
        return tuple(one for one in able if self._no_worse(one, best))

    def _no_worse(self, one: Fitted, best: Fitted) -> bool:
        limit = f_quantile(LEVEL, self.spare(one), self.spare(best))
        return bool(self.scatter(one) ** 2 <= limit * self.scatter(best) ** 2 + 1e-20)

    @np.errstate(over="ignore", invalid="ignore")
    def log_errors(self, log_p: float) -> Floats:
        """Ln ε of every admitted form. (F,)."""
        return np.array([one.log_error(np.array([log_p]))[0] for one in self.admitted])

    def log_sizes_at(self, log_error: float) -> Floats:
        """Ln P at which every admitted form reaches an error; infinite where it does not. (F,)."""
        grid = np.linspace(self.log_sizes[0] - FARTHEST, self.log_sizes[-1] + FARTHEST, POINTS)
        found = []
        for one in self.admitted:
            with np.errstate(over="ignore", invalid="ignore"):
                reached = one.log_error(grid) <= log_error
            found.append(grid[np.argmax(reached)] if reached.any() else np.inf)
        return np.array(found)

    def table(self, sizes: list[float]) -> pd.DataFrame:
        """One row per form: ``name``, ``parameters``, ``scatter``, ``admitted``, ``errors``.

        ``errors`` holds what the form says at each of ``sizes``.
        """
        admitted = {one.baseline.name for one in self.admitted}
        rows = [
            {
                "name": one.baseline.name,
                "parameters": dict(
                    zip(one.baseline.parameters, map(float, one.theta), strict=True)
                ),
                "scatter": self.scatter(one),
                "admitted": one.baseline.name in admitted,
                "errors": tuple(float(e) for e in np.exp(one.log_error(np.log(sizes)))),
            }
            for one in self.fitted
        ]
        return pd.DataFrame(rows)


def fit_forms(log_sizes: Floats, log_error: Floats) -> Forms:
    """Fit every form that the sizes can bear. ``log_sizes``, ``log_error``: (K,), K ≥ 2."""
    able = [one for one in BASELINES[1:] if len(log_sizes) > len(one.parameters)]
    fitted = [fit_baseline(one, log_sizes, log_error) for one in (BASELINES[0], *able)]
    return Forms(tuple(one for one in fitted if one is not None), log_sizes, log_error)
