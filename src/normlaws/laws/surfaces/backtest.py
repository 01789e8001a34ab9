"""Hiding the largest runs: how well a form fitted to the rest predicts them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from normlaws.errors import InputError
from normlaws.laws.surfaces.solve import Problem
from normlaws.laws.surfaces.table import Rows


def backtest(problem: Problem, rows: Rows, by: str, share: float) -> pd.DataFrame:
    """Predicted and observed losses of the hidden rows, with the relative ``error``.

    Raises:
        InputError: fewer rows than constants would be left, or all values are the same.
    """
    hidden = largest(rows.variables[by], share)
    return predicted(problem, rows, hidden, by)


def largest(values: np.ndarray, share: float) -> np.ndarray:
    """Which rows are hidden: whole groups of the largest values, about ``share`` of the rows."""
    order = np.unique(np.round(np.log(values), 6))[::-1]
    rounded = np.round(np.log(values), 6)
    hidden = rounded == order[0]
    for value in order[1:-1]:
        more = hidden | (rounded == value)
        if more.mean() > share:
            break
        hidden = more
    return np.asarray(hidden)


def predicted(problem: Problem, rows: Rows, hidden: np.ndarray, by: str) -> pd.DataFrame:
    """Fit the rows that are not hidden and predict those that are."""
    from normlaws.laws.surfaces.fitting import fitted

    seen, rest = rows.take(~hidden), rows.take(hidden)
    needed = int(problem.free.sum())
    if len(seen.loss) < needed or not len(rest.loss):
        raise InputError(
            f"expected {needed} rows or more below the largest {by}, got {len(seen.loss)}"
        )
    part = Problem(
        problem.family, seen.variables, np.log(seen.loss)[None], problem.loss, problem.free
    )
    theta = fitted(part, seen).theta
    guess = np.exp(problem.family.log_loss(theta, rest.variables)[0])
    return pd.DataFrame(
        {
            by: rest.variables[by],
            "loss": rest.loss,
            "predicted": guess,
            "error": guess / rest.loss - 1,
        }
    )
