"""``Surface``: a fitted loss of several variables, frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from normlaws.arrays import Floats
from normlaws.errors import InputError, allowed
from normlaws.laws.collapse.resampling import between_percentiles
from normlaws.laws.presented import Figures, Presented
from normlaws.laws.result import Estimate, Verdict
from normlaws.laws.surfaces import approaches, profile, render
from normlaws.laws.surfaces.solve import Problem
from normlaws.laws.surfaces.table import FLOPS, Rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE = 12.0  # ln of how far from the data's parameters an optimum is looked for
FINE = 400


@dataclass(frozen=True)
class Optimum:
    """The best split of a compute budget C = 6 N D, with 95 % intervals."""

    compute: float
    params: Estimate
    tokens: Estimate
    tokens_per_parameter: Estimate
    loss: Estimate

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        names = ("params", "tokens", "tokens_per_parameter", "loss")
        return {"compute": self.compute} | {name: getattr(self, name).as_dict() for name in names}


@dataclass(frozen=True, repr=False, eq=False)
class Surface(Presented):
    """The constants of a family, with intervals by resampling rows.

    Attributes:
        family: its name. fit: the loss function of the residuals of ln L.
        constants: {name: value with its 95 % interval}.
        objective: Σ |r| of ``lad`` and ``envelope``, Σ of Huber's loss, or Σ r²/2.
        converged: whether the search ended at a minimum.
        rms: root mean square of the residuals of ln L.
        verdict: words, codes, next steps.
        rows: the data. samples: (1 + resamples, P) the constants under every resample, as
            ``family`` holds them. problem: data and loss, as the solver takes them.
        settings: what was asked.
    """

    family: str
    fit: str
    constants: dict[str, Estimate]
    objective: float
    converged: bool
    rms: float
    verdict: Verdict
    rows: Rows
    samples: Floats
    problem: Problem
    settings: dict[str, Any]

    def _figures(self) -> Figures:
        return render.figures(self)

    def _as_dict(self) -> dict[str, Any]:
        return render.as_dict(self)

    def predict(self, **variables: ArrayLike) -> Floats:
        """The loss at new values of the variables, such as ``params=1e9, tokens=2e10``. (n,).

        Raises:
            InputError: a variable of the family is missing, or another is given.
        """
        found: Floats = self._losses(variables, self.samples[:1])[0]
        return found

    def interval(self, **variables: ArrayLike) -> tuple[Floats, Floats]:
        """The central 95 % of the resampled losses at new values. Two of (n,)."""
        low, high = np.quantile(self._losses(variables, self.samples[1:]), [0.025, 0.975], axis=0)
        return low, high

    def optimum(self, compute: float) -> Optimum:
        """The parameters and tokens that make the loss lowest under C = 6 N D.

        Raises:
            InputError: the family has other variables, or the budget is not positive.
        """
        if self.problem.family.variables != ("params", "tokens"):
            raise InputError(
                f"expected a family of params and tokens to split compute between, got "
                f"{self.family}"
            )
        if not compute > 0:
            raise InputError(f"expected a compute above 0, got {compute:g}")
        params = np.array([self._best_params(theta, compute) for theta in self.samples])
        tokens = compute / (FLOPS * params)
        family = self.problem.family
        loss = np.array(
            [
                np.exp(family.log_loss(theta[None], {"params": n, "tokens": d})[0, 0])
                for theta, n, d in zip(self.samples, params[:, None], tokens[:, None], strict=True)
            ]
        )
        each = (params, tokens, tokens / params, loss)
        return Optimum(float(compute), *(between_percentiles(values) for values in each))

    def profile(self, name: str) -> Estimate:
        """A constant with its profile interval: where the fit is worse by a 95 % likelihood ratio.

        Raises:
            InputError: no such free constant.
        """
        return profile.profile_interval(self.problem, self.samples[0], name, self.objective)

    def frontier(self) -> approaches.Approach:
        """Approach 1: the best run near every compute, and N against C through these."""
        return approaches.frontier(self.rows)

    def parabolas(self) -> approaches.Approach:
        """Approach 2: a parabola in ln N through the runs of each compute, and its minima."""
        return approaches.parabolas(self.rows)

    def backtest(self, by: str = "compute", share: float = 0.25) -> pd.DataFrame:
        """Hide the rows with the largest ``by``, fit the others, and compare.

        Args:
            by: ``params``, ``tokens``, ``compute`` or another variable of the rows.
            share: of the rows; whole groups of one value are hidden, at least one.

        Raises:
            InputError: an unknown variable, or too few rows are left.
        """
        from normlaws.laws.surfaces.backtest import backtest

        if by not in self.rows.variables:
            raise InputError(f"expected a variable {allowed(self.rows.variables)}, got {by!r}")
        return backtest(self.problem, self.rows, by, share)

    def residuals(self) -> pd.DataFrame:
        """One row per run: its variables, ``loss``, ``predicted`` and ``residual`` of ln L."""
        family = self.problem.family
        predicted = np.exp(family.log_loss(self.samples[:1], self.rows.variables)[0])
        return pd.DataFrame(
            {
                **self.rows.variables,
                "loss": self.rows.loss,
                "predicted": predicted,
                "residual": np.log(self.rows.loss / predicted),
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw contours of the loss over parameters and tokens with the optimum line.

        Other families: predicted against observed losses.
        """
        from normlaws.report.figures.surface import surface_figure
        from normlaws.report.style import shown_in_notebooks

        with shown_in_notebooks():
            return surface_figure(self, ax)

    def _losses(self, variables: dict[str, ArrayLike], theta: Floats) -> Floats:
        wanted = self.problem.family.variables
        if set(variables) != set(wanted):
            raise InputError(
                f"expected values of {allowed(wanted).replace(' or ', ' and ')}, got "
                f"{allowed(variables) if variables else 'none'}"
            )
        arrays = np.broadcast_arrays(*(np.atleast_1d(variables[name]) for name in wanted))
        given = {name: a.astype(float) for name, a in zip(wanted, arrays, strict=True)}
        return np.asarray(np.exp(self.problem.family.log_loss(theta, given)))

    def _best_params(self, theta: Floats, compute: float) -> float:
        family = self.problem.family
        centre = float(np.log(self.rows.variables["params"]).mean())

        def log_loss(log_n: Any) -> Any:
            params = np.exp(np.atleast_1d(log_n))
            found = family.log_loss(
                theta[None], {"params": params, "tokens": compute / (FLOPS * params)}
            )
            return found[0] if np.ndim(log_n) else found[0, 0]

        if family.name in ("chinchilla", "coupled"):
            _, a, b, alpha, beta = theta[:5]
            log_n = (a + np.log(alpha) - b - np.log(beta) + beta * np.log(compute / FLOPS)) / (
                alpha + beta
            )
            return float(np.exp(log_n))
        grid = np.linspace(centre - WIDE, centre + WIDE, FINE)
        i = int(np.clip(np.argmin(log_loss(grid)), 1, FINE - 2))
        bounds = (grid[i - 1], grid[i + 1])
        found = minimize_scalar(log_loss, bounds=bounds, method="bounded", options={"xatol": 1e-10})
        return float(np.exp(found.x))
