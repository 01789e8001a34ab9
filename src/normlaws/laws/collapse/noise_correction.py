"""What a learning-rate schedule takes off the loss: the noise of mini-batches (2507.02119, sec. 4).

In the time of gradient flow τ = Σ η, a run under another schedule follows
L′(τ) = L(τ) + α δη(τ) Tr Σ(τ), where Σ is the covariance of its mini-batch gradients
(preconditioned for Adam) and δη the difference of the rates in units of the peak rate; a quadratic
loss gives α = 1/4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.laws.result import Estimate

RATE, TRACE, TIME = "lr", "grad_cov_trace", "tau"
STEADY = 0.999  # share of the peak rate that a constant schedule still has at its end
RESAMPLES = 1000


@dataclass(frozen=True)
class NoiseCorrection:
    """The correction of the loss for the schedule, fitted over pairs of runs.

    Attributes:
        alpha: α, with a 95 % interval over pairs.
        error: what is left of the effect, root mean square over root mean square.
        pairs: runs that were compared with a constant rate.
        metric: the loss.
        after: share of a run from which records count.
    """

    alpha: Estimate
    error: float
    pairs: int
    metric: str
    after: float

    def shift(self, rate: Floats, reference: Floats, trace: Floats) -> Floats:
        """What schedules of these rates add to the loss, rates in units of the peak rate."""
        return self.alpha.value * (np.asarray(rate) - reference) * trace


def noise_correction(
    curves: Curves, metric: str | None = None, *, after: float = 0.25, seed: int = 0
) -> NoiseCorrection:
    """Fit α of the schedule correction.

    Args:
        curves: runs with a learning rate (``lr``) and the trace of the gradient covariance
            (``grad_cov_trace``); of every size and horizon one with a constant rate. ``tau``, the
            sum of rates, is made from ``lr`` where it was not recorded.
        metric: the loss; the default one where none is given.
        after: share of a run from which records count; the warm-up is before it.
        seed: of the resampling of pairs.

    Raises:
        InputError: a column is missing, or no run can be compared.
    """
    if not 0 <= after < 1:
        raise InputError(f"expected after as a share of the run from 0 to below 1, got {after}")
    loss = metric or curves.default_metric()
    for name in (RATE, TRACE, loss):
        if name not in curves.frame or curves.frame[name].isna().all():
            raise InputError(f"expected curves with a column {name}, got none")
    pairs = _pairs(curves.frame, loss, after)
    if not pairs:
        raise InputError(
            "expected, of some size and horizon, a run with a constant learning rate and one "
            "with another schedule, got none"
        )
    products = np.array([[x @ x, x @ y] for x, y in pairs])
    alpha = _slope(products)
    rng = np.random.default_rng(seed)
    drawn = [_slope(products[rng.integers(len(pairs), size=len(pairs))]) for _ in range(RESAMPLES)]
    x, y = (np.concatenate(part) for part in zip(*pairs, strict=True))
    left = float(np.sqrt(np.mean((y - alpha * x) ** 2) / np.mean(y**2)))
    several = len(pairs) > 1
    low, high = np.quantile(drawn, [0.025, 0.975]) if several else (None, None)
    found = Estimate(alpha, *(None if end is None else float(end) for end in (low, high)))
    return NoiseCorrection(found, left, len(pairs), loss, after)


def _slope(products: Floats) -> float:
    squares, across = products.sum(axis=0)
    return float(across / squares)


def _pairs(frame: pd.DataFrame, loss: str, after: float) -> list[tuple[Floats, Floats]]:
    """δη Tr Σ and the difference of losses at equal τ, of every run beside a constant one."""
    kept = frame.dropna(subset=[RATE, loss]).sort_values(["run", "step"])
    runs = [_with_time(part) for _, part in kept.groupby("run", sort=False)]
    groups: dict[tuple[float, float], list[pd.DataFrame]] = {}
    for run in runs:
        groups.setdefault((run["size"].iloc[0], run["step"].iloc[-1]), []).append(run)
    pairs = []
    for group in groups.values():
        steady = [run for run in group if run[RATE].iloc[-1] >= STEADY * run[RATE].max()]
        if not steady:
            continue
        others = [run for run in group if run is not steady[0]]
        pairs += [_pair(steady[0], run, loss, after) for run in others]
    return [(x, y) for x, y in pairs if len(x) and np.any(x)]


def _with_time(run: pd.DataFrame) -> pd.DataFrame:
    """A run with τ, the sum of its rates, between records taken as a straight line."""
    if TIME in run and run[TIME].notna().all():
        return run
    steps, rates = run["step"].to_numpy(dtype=float), run[RATE].to_numpy(dtype=float)
    areas = 0.5 * (rates[1:] + rates[:-1]) * np.diff(steps)
    return run.assign(**{TIME: np.concatenate([[0.0], np.cumsum(areas)])})


def _pair(
    steady: pd.DataFrame, run: pd.DataFrame, loss: str, after: float
) -> tuple[Floats, Floats]:
    peak = float(steady[RATE].max())
    share = run["step"] / run["step"].iloc[-1]
    inside = run[TIME].between(steady[TIME].iloc[0], steady[TIME].iloc[-1])
    late = run[inside & (share > after) & run[TRACE].notna()]
    time = late[TIME].to_numpy(dtype=float)
    rate, level = (np.interp(time, steady[TIME], steady[name]) for name in (RATE, loss))
    trace = late[TRACE].to_numpy(dtype=float)
    return (late[RATE].to_numpy() - rate) / peak * trace, late[loss].to_numpy() - level
