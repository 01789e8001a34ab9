"""``surface``: from a table to the constants of a family, with intervals and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.curves.files import read_arrow
from normlaws.errors import InputError, allowed
from normlaws.laws.collapse.resampling import between_percentiles
from normlaws.laws.estimators.least_squares import Solution
from normlaws.laws.surfaces.families import FAMILIES, Family
from normlaws.laws.surfaces.families.schedule import MEMORY
from normlaws.laws.surfaces.losses import loss_of
from normlaws.laws.surfaces.result import Surface
from normlaws.laws.surfaces.solve import Problem, polish, solve
from normlaws.laws.surfaces.table import Rows, rows_of
from normlaws.laws.surfaces.verdict import judge
from normlaws.storage.reading import MAX_TABLE, check_plain, reading

HUBER = 1e-3
MEMORIES = (0.99, 0.995, 0.998, 0.999)
RESAMPLED_STEPS = 25
CHUNK = 250  # resamples at once


def surface(
    table: pd.DataFrame | Curves | str | Path,
    family: str | None = None,
    fit: str = "huber",
    *,
    columns: Mapping[str, str] | None = None,
    fixed: Mapping[str, float] | None = None,
    drop_highest: int = 0,
    delta: float = HUBER,
    memory: float | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> Surface:
    """Fit a loss as a function of several variables; residuals are those of ln L.

    Args:
        table: one row per run, as a data frame or a .csv or .parquet file; or curves, whose last
            records are taken.
        family: ``chinchilla``, ``coupled``, ``repeated``, ``routed``, ``transfer`` or ``schedule``;
            by default the first whose variables the table has.
        fit: ``squares``, ``huber``, ``lad`` (least absolute deviations) or ``envelope`` (a lower
            envelope: the 5 % quantile, which punishes over-estimates).
        columns: {variable or ``loss``: column}, where the names are not usual ones. Tokens are
            compute / (6 · parameters) where only compute is there.
        fixed: constants that are given rather than fitted.
        drop_highest: rows with the highest losses to leave out.
        delta: δ of ``huber``.
        memory: λ of the annealing area, for ``schedule`` and curves with a learning rate; by
            default the one of .99, .995, .998, .999 that fits best.
        resamples: of the rows (of the runs, where rows belong to runs); 0 leaves out intervals.
        seed: of the resampling.

    Raises:
        InputError: an unknown family, fit or constant, a variable that is missing, or a table that
            cannot tell the constants apart.

    Warns:
        NormlawsWarning: rows that are left out.
    """
    loss = loss_of(fit, delta)
    table = _read(table) if isinstance(table, str | Path) else table
    form = _family(table, family, columns)
    free = _free(form, fixed)
    memories = MEMORIES if form.name == "schedule" and memory is None else (memory or MEMORY,)
    tried = []
    for one in memories:
        rows = rows_of(table, form, columns, drop_highest, one)
        problem = Problem(form, rows.variables, np.log(rows.loss)[None], loss, free)
        tried.append((problem, rows, fitted(problem, rows, fixed), one))
    problem, rows, best, memory = min(tried, key=lambda found: float(found[2].cost[0]))
    theta = _resampled(problem, rows, best, resamples, seed)
    every = form.named(theta)
    constants = {name: between_percentiles(values) for name, values in every.items()}
    residuals = problem.residuals(best.theta)[0]
    return Surface(
        family=form.name,
        fit=fit,
        constants=constants,
        objective=float(best.cost[0]),
        converged=bool(best.converged[0]),
        rms=float(np.sqrt(np.mean(residuals**2))),
        verdict=judge(form, problem, rows, best, constants),
        rows=rows,
        samples=theta,
        problem=problem,
        settings={
            "fixed": dict(fixed or {}), "drop_highest": drop_highest, "delta": delta,
            "resamples": resamples, "seed": seed,
            "memory": memory if form.name == "schedule" else None,
        },
    )  # fmt: skip


def fitted(problem: Problem, rows: Rows, fixed: Mapping[str, float] | None = None) -> Solution:
    """The best of several starts, to the exact minimum."""
    form = problem.family
    theta = form.starts(problem.variables, rows.loss)
    for name, value in (fixed or {}).items():
        place = form.constants.index(name)
        theta[:, place] = np.log(value) if name in form.logged else value
    counts = np.ones((len(theta), len(rows.loss)))
    found = solve(problem, theta, counts, deltas=problem.loss.deltas[:1])
    best = int(np.nanargmin(found.cost))
    return polish(problem, solve(problem, found.theta[[best]], counts[:1]), counts[:1])


def _resampled(problem: Problem, rows: Rows, best: Solution, resamples: int, seed: int) -> Floats:
    """θ of the data and of every resample. (1 + resamples, P)."""
    generator = np.random.default_rng(seed)
    names, member = np.unique(rows.cluster, return_inverse=True)
    drawn = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
    counts = drawn[:, member].astype(float)
    found = [best.theta]
    for first in range(0, resamples, CHUNK):
        part = counts[first : first + CHUNK]
        start = np.repeat(best.theta, len(part), axis=0)
        near = problem.loss.deltas_nearby
        found.append(solve(problem, start, part, RESAMPLED_STEPS, near).theta)
    return np.concatenate(found)


def _free(form: Family, fixed: Mapping[str, float] | None) -> np.ndarray:
    for name in fixed or {}:
        if name not in form.constants:
            raise InputError(
                f"expected a constant of the family {form.name}, {allowed(form.constants)}, "
                f"got {name!r}"
            )
    return np.array([name not in (fixed or {}) for name in form.constants])


def _family(
    table: pd.DataFrame | Curves, family: str | None, columns: Mapping[str, str] | None
) -> Family:
    if family is not None:
        if family not in FAMILIES:
            raise InputError(f"expected a family {allowed(FAMILIES)}, got {family!r}")
        return FAMILIES[family]
    for name in ("repeated", "routed", "chinchilla"):
        try:
            rows_of(table, FAMILIES[name], columns)
        except InputError:
            continue
        return FAMILIES[name]
    return FAMILIES["chinchilla"]


def _read(path: str | Path) -> pd.DataFrame:
    path = Path(path)
    readers = {".csv": pd.read_csv, ".parquet": lambda file: read_arrow(file)[0]}
    if path.suffix not in readers:
        raise InputError(f"expected a table ending {allowed(readers)}, got {path.name}")
    check_plain(path, "a table", MAX_TABLE)
    with reading("a table", path):
        return readers[path.suffix](path)
