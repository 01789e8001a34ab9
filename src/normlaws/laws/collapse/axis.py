"""What curves are followed along: a norm, or any recorded measure of progress."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.curves import METRICS, Curves
from normlaws.errors import InputError, NormlawsWarning, allowed

USUAL = ("compute", "tokens", "examples", "step", "epoch")
FLOPS_PER_TOKEN_AND_PARAMETER = 6.0


@dataclass(frozen=True)
class Axis:
    """One column of progress.

    Attributes:
        name: what the user calls it.
        values: one per row of ``curves.frame``; a norm itself, not its logarithm.
        is_norm: whether it is a norm, whose runs end at their optimum.
    """

    name: str
    values: pd.Series
    is_norm: bool


def axis_of(curves: Curves, along: str | None) -> Axis:
    """Find the axis by its name; by default the first of the usual ones that is recorded.

    ``compute`` is 6 · tokens · parameters where only those are recorded, and a name may leave out
    a unit: ``compute`` finds ``compute_pflop``.

    Raises:
        InputError: no such column, several that could be meant, or one that does not grow from
            0 or more along training.
    """
    names = list(curves.frame.columns)
    if along is None:
        along = _default(curves)
    if f"log_{along}" in names:
        return Axis(along, np.exp(curves.frame[f"log_{along}"]), is_norm=True)
    column = along if _usable(curves.frame, along) else _with_unit(curves, along)
    if column is not None:
        _check_grows(curves, column)
        return Axis(column, curves.frame[column], is_norm=False)
    if along == "compute" and (derived := _six_n_d(curves)) is not None:
        warnings.warn(
            "compute is not recorded; taken as 6 × parameters × tokens", NormlawsWarning,
            stacklevel=4,
        )  # fmt: skip
        return Axis("compute", derived, is_norm=False)
    raise InputError(
        f"expected an axis to follow the curves along, got {along!r}; recorded are "
        f"{allowed(axes(curves) or ['none'])}"
    )


def axes(curves: Curves) -> list[str]:
    """Every axis that the curves can be followed along."""
    taken = {"run", "size", "seed", "seconds", *METRICS}
    others = [
        name
        for name in curves.frame.columns
        if name not in taken and not name.startswith("log_") and not _stands(curves, name)
    ]
    return [*others, *curves.norms]


def per_run_variable(curves: Curves, name: str) -> pd.Series | None:
    """A numeric variable of the runs by its name, indexed by run; None where there is none."""
    if name in (curves.scale, "size"):
        return curves.runs.set_index("run")["size"].astype(float)
    if name not in curves.runs:
        return None
    values = pd.to_numeric(curves.runs.set_index("run")[name], errors="coerce")
    return values if values.notna().any() else None


def _default(curves: Curves) -> str:
    for name in USUAL:
        if _usable(curves.frame, name) or _with_unit(curves, name) is not None:
            return name
    if curves.norms:
        return curves.default_norm()
    raise InputError(
        f"expected curves with an axis {allowed(USUAL)}, or a norm, but none is recorded"
    )


def _usable(frame: pd.DataFrame, name: str) -> bool:
    return name in frame and name not in ("run", "seed") and bool(frame[name].notna().any())


def _varies(curves: Curves, name: str) -> bool:
    return bool((curves.frame.groupby("run")[name].nunique() > 1).any())


def _stands(curves: Curves, name: str) -> str:
    """Why a column is no axis, as the end of a sentence; empty where it can be one."""
    if not _varies(curves, name):
        return "is constant along every run"
    frame = curves.frame
    rows = frame[["run"]].assign(step=frame["step"], at=frame[name]).dropna(subset=["at"])
    if rows["step"].notna().all():
        rows = rows.sort_values("step", kind="stable")
    ends = rows.groupby("run", sort=False)["at"].agg(["first", "last", "max"])
    if not (ends["max"] > 0).any():
        return "is never above 0"
    if not (ends["last"] > ends["first"]).any():
        return "falls along every run"
    return ""


def _check_grows(curves: Curves, name: str) -> None:
    if why := _stands(curves, name):
        raise InputError(
            f"expected an axis that grows along training, got {name!r}, which {why}; recorded are "
            f"{allowed(axes(curves) or ['none'])}"
        )


def _with_unit(curves: Curves, name: str) -> str | None:
    """The one column that varies along runs and is called ``name`` and a unit."""
    found = [
        column
        for column in curves.frame.columns
        if column.startswith((f"{name}_", f"{name}s_")) and _varies(curves, column)
    ]
    if len(found) > 1:
        raise InputError(f"expected one axis called {name!r}, got {allowed(found)}; name one")
    return found[0] if found else None


def _six_n_d(curves: Curves) -> pd.Series | None:
    parameters = per_run_variable(curves, "params")
    if parameters is None or not _usable(curves.frame, "tokens"):
        return None
    of_run = curves.frame["run"].map(parameters)
    return FLOPS_PER_TOKEN_AND_PARAMETER * of_run * curves.frame["tokens"]
