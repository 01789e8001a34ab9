"""Approaches 1 and 2 of Hoffmann et al. (arXiv 2203.15556): N* ∝ C^a without a form of the loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.errors import InputError
from normlaws.laws.estimators.least_squares import one_line
from normlaws.laws.surfaces.table import Rows

NEAR = 0.15  # of ln compute: runs of one budget
FEWEST = 4  # runs that a parabola is drawn through
BINS = 24


@dataclass(frozen=True)
class Approach:
    """N* = scale · C^exponent, and the points it goes through (``compute``, ``params``, ``loss``).

    The exponent of tokens is 1 − ``exponent`` under C = 6 N D.
    """

    exponent: float
    scale: float
    table: pd.DataFrame

    def params(self, compute: float) -> float:
        """N* at a compute."""
        return float(self.scale * compute**self.exponent)


def frontier(rows: Rows) -> Approach:
    """The lowest loss in each of many narrow ranges of compute, of those that none undercuts.

    Raises:
        InputError: fewer than three such runs.
    """
    log_c, log_n, loss = _needed(rows)
    edges = np.linspace(log_c.min(), log_c.max() + 1e-9, BINS + 1)
    places = np.digitize(log_c, edges)
    best = [
        members[np.argmin(loss[members])]
        for place in np.unique(places)
        for members in [np.flatnonzero(places == place)]
    ]
    lowest = [i for i in best if loss[i] <= loss[log_c <= log_c[i]].min()]
    return _line(log_c[lowest], log_n[lowest], loss[lowest])


def parabolas(rows: Rows) -> Approach:
    """Minima of parabolas in ln N through runs of one compute.

    Raises:
        InputError: fewer than three budgets have a minimum between their runs.
    """
    log_c, log_n, loss = _needed(rows)
    order = np.argsort(log_c)
    starts = np.flatnonzero(np.diff(log_c[order], prepend=-np.inf) > NEAR / 2)
    found = []
    for members in np.split(order, starts[1:]):
        if len(np.unique(np.round(log_n[members], 3))) < FEWEST or np.ptp(log_c[members]) > NEAR:
            continue
        middle = log_n[members].mean()
        bend, slope, constant = np.polyfit(log_n[members] - middle, loss[members], 2)
        at = middle - slope / (2 * bend) if bend > 0 else np.inf
        if log_n[members].min() < at < log_n[members].max():
            found.append((log_c[members].mean(), at, constant - slope**2 / (4 * bend)))
    points = np.array(found).reshape(-1, 3)
    return _line(points[:, 0], points[:, 1], points[:, 2])


def _needed(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not {"params", "compute"} <= set(rows.variables):
        raise InputError("expected params and compute to look for compute-optimal sizes")
    return np.log(rows.variables["compute"]), np.log(rows.variables["params"]), rows.loss


def _line(log_c: np.ndarray, log_n: np.ndarray, loss: np.ndarray) -> Approach:
    if len(log_c) < 3:
        raise InputError(
            f"expected three computes or more with a best size between their runs, got {len(log_c)}"
        )
    constant, slope = one_line(log_c, log_n)
    table = pd.DataFrame({"compute": np.exp(log_c), "params": np.exp(log_n), "loss": loss})
    return Approach(slope, float(np.exp(constant)), table)
