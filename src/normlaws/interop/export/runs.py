"""Runs by step and by norm, under the names that the importers know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from normlaws.curves import METRICS, Curves
from normlaws.errors import InputError, allowed

NORM_STEPS = 1000  # steps of a norm axis per unit of ln λ
AXIS = (
    f"x is round({NORM_STEPS} ln λ), because steps are whole numbers; "
    "only records at which the norm is higher than ever before"
)


@dataclass(frozen=True)
class ExportedRun:
    """One run, named as trackers name things.

    Attributes:
        name: the run's id.
        record: what ``Curves.runs`` holds of it, plain; ``steps`` is ``"order"`` where the curve
            has no steps and its records are numbered instead.
        rows: one row per record, indexed by step, a column per tag; columns without a value are
            left out, NaN within a column is kept.
        norm: tag of the norm that is the x-axis.
    """

    name: str
    record: dict[str, Any]
    rows: pd.DataFrame
    norm: str

    @property
    def axis(self) -> str:
        """Name of the norm that is the x-axis."""
        return self.norm.split("/")[1].removeprefix("log_")

    @property
    def metrics(self) -> list[str]:
        """Tags of the errors and losses."""
        known = {tag(name) for name in METRICS}
        return [name for name in self.rows if name in known]

    @property
    def seconds(self) -> pd.Series:
        """Time since the start of training at each record; 0 where unknown."""
        none = pd.Series(0.0, index=self.rows.index)
        return self.rows["seconds"].fillna(0.0) if "seconds" in self.rows else none

    def against_norm(self, metric: str) -> list[tuple[int, float]]:
        """(round(1000 ln λ), value) along the rising norm, one value for each whole number."""
        if self.norm not in self.rows:
            return []
        found: dict[int, float] = {}
        highest = -np.inf
        for log_norm, value in self.rows[[self.norm, metric]].to_numpy():
            if np.isfinite(log_norm) and log_norm > highest and np.isfinite(value):
                found[round(NORM_STEPS * log_norm)] = value
                highest = log_norm
        return sorted(found.items())

    def record_json(self) -> str:
        """The record as one line of JSON."""
        return json.dumps(self.record)


def tag(column: str) -> str:
    """A column's name among trackers: ``norm/log_<name>/global``, ``val/loss`` and so on."""
    if column.startswith("log_"):
        return f"norm/{column}/global"
    return column.replace("_", "/") if column in METRICS else column


def norm_tag_of(curves: Curves, norm: str | None) -> str:
    """The tag of the norm that is to be the x-axis.

    Raises:
        InputError: no such norm is recorded, or several are and none is named.
    """
    norm = norm or curves.default_norm()
    if norm not in curves.norms:
        raise InputError(
            f"expected a recorded norm ({allowed(curves.norms or ['none'])}), got {norm!r}"
        )
    return tag(f"log_{norm}")


def exported(curves: Curves, norm: str | None) -> Iterator[ExportedRun]:
    """Every run of ``curves``.

    Raises:
        InputError: the norm is not recorded, or a run has two records at one step.
    """
    norm_tag = norm_tag_of(curves, norm)
    frames = dict(list(curves.frame.groupby("run", sort=False)))
    for record in curves.runs.to_dict("records"):
        name = record["run"]
        frame = frames.get(name, curves.frame.iloc[:0])
        plain: dict[str, Any] = {str(key): _plain(value) for key, value in record.items()}
        if frame["step"].isna().any():
            plain["steps"] = "order"
            steps = np.arange(len(frame))
        else:
            steps = frame["step"].to_numpy(dtype=np.int64)
        if len(set(steps)) < len(steps):
            raise InputError(f"expected one record a step in run {name}, got several at one")
        values = frame.drop(columns=["run", "size", "seed", "step"]).dropna(axis=1, how="all")
        rows = values.rename(columns=tag).set_index(pd.Index(steps, name="step"))
        yield ExportedRun(name, plain, rows, norm_tag)


def _plain(value: Any) -> Any:
    if value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value
