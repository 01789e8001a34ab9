"""Variables and losses of a table or of curves, under the names that a family knows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning, allowed
from normlaws.laws.surfaces.families.schedule import MEMORY, areas
from normlaws.laws.surfaces.family import Family

FLOPS = 6.0  # per parameter and token
USUAL = {
    "params": ("params", "parameters", "n_params", "num_params", "model_size", "n", "size",
               "dense_parameter_count", "non_embedding_params", "params_active_precise"),
    "tokens": ("tokens", "d", "total_tokens", "training_tokens", "train_tokens", "n_tokens",
               "num_tokens"),
    "unique_tokens": ("unique_tokens", "u", "unique"),
    "experts": ("experts", "num_experts", "n_experts", "e"),
    "compute": ("compute", "c", "flop", "flops", "training_flop", "training_flops"),
    "upstream": ("upstream", "task_loss", "val_loss"),
    "loss": ("loss", "final_loss", "test_loss", "val_loss", "loss_validation",
             "validation_loss", "eval_loss", "downstream"),
}  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """One row per run.

    Attributes:
        variables: {name in the family: (n,)}; ``compute`` among them where it is known.
        loss: (n,) what is explained.
        cluster: (n,) rows that are resampled together: those of one run.
        sources: {name in the family: column}.
    """

    variables: dict[str, Floats]
    loss: Floats
    cluster: Floats
    sources: dict[str, str]

    def take(self, keep: np.ndarray) -> Rows:
        """Some of the rows."""
        return Rows(
            {name: values[keep] for name, values in self.variables.items()},
            self.loss[keep],
            self.cluster[keep],
            self.sources,
        )


def rows_of(
    table: pd.DataFrame | Curves,
    family: Family,
    columns: Mapping[str, str] | None,
    drop_highest: int = 0,
    memory: float = MEMORY,
) -> Rows:
    """Find the columns of a family in a table, or in the last records of curves.

    Args:
        table: one row per run; or curves.
        family: whose variables are needed.
        columns: {variable or ``loss``: column}; those not named are found by usual names.
        drop_highest: rows with the highest losses that are left out.
        memory: λ of the annealing area of a schedule.

    Raises:
        InputError: a variable is not there, is not positive, or leaves fewer rows than constants.

    Warns:
        NormlawsWarning: rows that are left out because a value is missing.
    """
    named = dict(columns or {})
    if family.name == "schedule":
        table, named = _with_areas(table, named, memory)
    elif isinstance(table, Curves):
        table, named = _last_records(table, named)
    sources = _sources(table, family, named)
    numbers = {name: _numbers(table, column) for name, column in sources.items()}
    if family.name == "schedule" or "run" in table:
        cluster = pd.factorize(table["run"])[0].astype(float)
    else:
        cluster = np.arange(len(table), dtype=float)
    if "tokens" in family.variables and "tokens" not in numbers:
        numbers["tokens"] = numbers["compute"] / (FLOPS * numbers["params"])
    if {"params", "tokens"} <= set(numbers) and "compute" not in numbers:
        numbers["compute"] = FLOPS * numbers["params"] * numbers["tokens"]
    keep = np.all([np.isfinite(values) for values in numbers.values()], axis=0)
    if not keep.all():
        warnings.warn(
            f"{int((~keep).sum())} of {len(keep)} rows are left out, because a value is missing",
            NormlawsWarning,
            stacklevel=4,
        )
    loss = numbers.pop("loss")
    rows = Rows(numbers, loss, cluster, sources).take(keep)
    if drop_highest:
        order = np.argsort(rows.loss)
        rows = rows.take(np.sort(order[: len(order) - drop_highest]))
    _check(rows, family)
    return rows


def _sources(table: pd.DataFrame, family: Family, named: dict[str, str]) -> dict[str, str]:
    wanted = [*family.variables, "loss"]
    found: dict[str, str] = {}
    for name in [*wanted, "compute"]:
        column = _column(table, name, named)
        if column is not None and column not in found.values():
            found[name] = column
    missing = [name for name in wanted if name not in found]
    if missing == ["tokens"] and {"params", "compute"} <= set(found):
        missing = []
    if missing:
        raise InputError(
            f"expected columns {allowed(wanted).replace(' or ', ' and ')} for the family "
            f"{family.name}, but {missing[0]} is missing; name it with {missing[0]}=COLUMN (the "
            f"table has {allowed(map(str, table.columns))})"
        )
    return found


def _column(table: pd.DataFrame, name: str, named: dict[str, str]) -> str | None:
    if name in named:
        if named[name] not in table:
            raise InputError(
                f"expected a column named {named[name]!r} for {name}; the table has "
                f"{allowed(map(str, table.columns))}"
            )
        return named[name]
    by_word = {str(column).strip().lower().replace(" ", "_"): column for column in table.columns}
    for usual in USUAL.get(name, (name,)):
        column = by_word.get(usual)
        if column is not None and _is_number(table[column]):
            return str(column)
    endings = [column for word, column in by_word.items() if word.endswith(f"_{name}")]
    numeric = [str(column) for column in endings if _is_number(table[column])]
    return numeric[0] if len(numeric) == 1 and name in ("loss", "compute") else None


def _is_number(values: pd.Series) -> bool:
    return bool(pd.to_numeric(values, errors="coerce").notna().any())


def _numbers(table: pd.DataFrame, column: str) -> Floats:
    found: Floats = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float)
    return found


def _last_records(curves: Curves, named: dict[str, str]) -> tuple[pd.DataFrame, dict[str, str]]:
    """The last record of every finished run, with the variables of the runs."""
    done = curves.select(status=["complete"])
    last = done.frame.groupby("run", sort=False).last().reset_index()
    last = last.dropna(axis=1, how="all")
    extra = [name for name in done.runs.columns if name not in last]
    table = last.merge(done.runs[["run", *extra]], on="run")
    if curves.scale not in ("size", *table.columns):
        table = table.rename(columns={"size": curves.scale})
    if "loss" not in named:
        named = {**named, "loss": curves.default_metric()}
    return table, named


def _with_areas(
    table: pd.DataFrame | Curves, named: dict[str, str], memory: float
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Records of runs with the areas of their learning-rate schedules."""
    if not isinstance(table, Curves):
        return table.assign(run=table.get("run", 0)), named
    if "lr" not in table.frame or table.frame["lr"].isna().all():
        raise InputError("expected curves with a learning rate (a column lr) for this family")
    metric = named.get("loss") or table.default_metric()
    parts = [
        part.assign(area=area, annealing=annealing)
        for _, part in table.frame.groupby("run", sort=False)
        for area, annealing in [_areas_at(part, memory)]
    ]
    frame = pd.concat(parts, ignore_index=True).dropna(subset=[metric])
    return frame, {"loss": metric, "area": "area", "annealing": "annealing"}


def _areas_at(part: pd.DataFrame, memory: float) -> tuple[Floats, Floats]:
    """S1 and S2 at the recorded steps, the rate between records taken as a straight line.

    Before the first record the rate rises in a line from zero, as in a warm-up.
    """
    steps = part["step"].to_numpy(dtype=float)
    rates = part["lr"].to_numpy(dtype=float)
    every = np.arange(1, int(steps.max()) + 1)
    known = np.isfinite(rates)
    filled = np.interp(every, np.append(0, steps[known]), np.append(0.0, rates[known]))
    both = areas(np.append(0.0, filled), memory)
    return both[0][steps.astype(int)], both[1][steps.astype(int)]


def _check(rows: Rows, family: Family) -> None:
    for name in family.variables:
        values = rows.variables[name]
        least = 0.0 if name == "annealing" else np.finfo(float).tiny
        if len(values) and name != "annealing" and not (values >= least).all():
            raise InputError(f"expected {name} above 0, got {values.min():g}")
    if len(rows.loss) and not (rows.loss > 0).all():
        raise InputError(f"expected losses above 0, got {rows.loss.min():g}")
    needed = len(family.constants)
    if len(rows.loss) < needed:
        raise InputError(
            f"expected {needed} rows or more for the {needed} constants of the family "
            f"{family.name}, got {len(rows.loss)}"
        )
    if {"params", "tokens"} <= set(family.variables):
        product = np.log(rows.variables["params"] * rows.variables["tokens"])
        if np.ptp(product) < 1e-6 * abs(product).max():
            raise InputError(
                "expected runs of more than one compute, but params × tokens is the same in every "
                "row, so their effects cannot be told apart; add runs of other lengths"
            )
