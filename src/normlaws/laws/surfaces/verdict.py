"""The verdict on a surface: which constants the data can carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from normlaws.display.numbers import percent
from normlaws.errors import NormlawsError
from normlaws.laws.estimators.least_squares import Solution
from normlaws.laws.result import Estimate, Verdict
from normlaws.laws.surfaces.family import Family
from normlaws.laws.surfaces.solve import Problem
from normlaws.laws.surfaces.table import Rows

Finding = tuple[str, str, str]
NEGLIGIBLE = 1e-3  # of the lowest loss: a floor that is as good as none
TOGETHER = 0.999  # correlation of ln N and ln D
CONDITION = 1e8
BETTER = 0.8  # back-test error over that of the other form
EXACT = 1e-4  # mean back-test error below which forms are not told apart
OTHER = {"chinchilla": "coupled", "coupled": "chinchilla"}


def judge(
    form: Family, problem: Problem, rows: Rows, best: Solution, constants: Mapping[str, Estimate]
) -> Verdict:
    """Weigh the fit; each finding adds a code, a sentence and what to do next."""
    residuals = problem.residuals(best.theta)[0]
    off = percent(float(np.sqrt(np.mean(residuals**2))), 2)
    opening = f"{form.name} describes {len(rows.loss)} rows with residuals of {off} (rms of ln L)."
    findings = [
        *_floor(form, rows, constants),
        *_together(form, rows),
        *_condition(form, problem, best),
        *_bounds(form, best, constants),
        *_other_form(form, problem, rows),
    ]
    return Verdict(
        text=" ".join([opening, *(sentence for _, sentence, _ in findings)]),
        codes=tuple(code for code, _, _ in findings),
        next_steps=tuple(step for _, _, step in findings if step),
    )


def _floor(form: Family, rows: Rows, constants: Mapping[str, Estimate]) -> Iterator[Finding]:
    if form.floor is None:
        return
    floor, lowest = constants[form.floor], float(rows.loss.min())
    loose = floor.low is not None and floor.low < NEGLIGIBLE * lowest
    if floor.value < NEGLIGIBLE * lowest or loose:
        yield (
            "floor_unidentified",
            f"The data do not determine the irreducible loss {form.floor}.",
            "add larger models trained longer, or give it with fixed=…",
        )


def _together(form: Family, rows: Rows) -> Iterator[Finding]:
    if not {"params", "tokens"} <= set(form.variables):
        return
    logs = [np.log(rows.variables[name]) for name in ("params", "tokens")]
    spread = [float(np.ptp(one)) for one in logs]
    moved = min(spread) < 1e-6 or abs(float(np.corrcoef(logs)[0, 1])) > TOGETHER
    if moved:
        yield (
            "one_variable_only",
            "Parameters and tokens move together in these runs, so their exponents cannot be told "
            "apart.",
            "train some sizes longer or shorter than the others",
        )


def _condition(form: Family, problem: Problem, best: Solution) -> Iterator[Finding]:
    slopes = problem.family.jacobian(best.theta, problem.variables)[0][:, problem.free]
    scale = np.linalg.norm(slopes, axis=0)
    values = np.linalg.svd(slopes / np.where(scale > 0, scale, 1), compute_uv=False)
    if not best.converged[0]:
        yield ("not_converged", "The search did not end at a minimum.", "")
    if values[-1] * CONDITION < values[0] * 1e4:
        yield (
            "ill_conditioned",
            "Some combination of the constants hardly changes the law where the data lie.",
            "vary the variables more widely, or give a constant with fixed=…",
        )


def _bounds(form: Family, best: Solution, constants: Mapping[str, Estimate]) -> Iterator[Finding]:
    ends = [
        name
        for name, theta in zip(form.constants, best.theta[0], strict=True)
        if name != form.floor and name in form.logged and abs(theta) > _largest(name)
    ]
    ends += [name for name in ("alpha", "beta") if name in constants and constants[name].value <= 0]
    if ends:
        yield (
            "at_bound",
            f"{' and '.join(ends)} went to the end of what is possible: the form has more "
            "constants than these data show.",
            "use a simpler family",
        )


def _largest(name: str) -> float:
    """How large the logarithm of a constant may be: prefactors depend on units, others do not."""
    return 80.0 if name in ("A", "B", "C", "k") else 15.0


def _other_form(form: Family, problem: Problem, rows: Rows) -> Iterator[Finding]:
    """Whether hiding the longest runs, the larger form or the smaller one predicts them better."""
    if form.name not in OTHER or not problem.free.all():
        return
    errors = {name: _held_out(name, problem, rows) for name in (form.name, OTHER[form.name])}
    mine, other = errors[form.name], errors[OTHER[form.name]]
    if not np.isfinite(mine + other) or max(mine, other) < EXACT:
        return
    name, ratio = (OTHER[form.name], other / mine) if other < mine else (form.name, mine / other)
    if ratio < BETTER:
        yield (
            "form_preferred",
            f"The {name} form predicts the longest runs better when these are hidden "
            f"({percent(min(mine, other), 2)} against {percent(max(mine, other), 2)} mean error).",
            "" if name == form.name else f"fit family={name}",
        )


def _held_out(name: str, problem: Problem, rows: Rows) -> float:
    from normlaws.laws.surfaces.backtest import largest, predicted
    from normlaws.laws.surfaces.families import FAMILIES

    family = FAMILIES[name]
    free = np.ones(len(family.constants), dtype=bool)
    trial = Problem(family, problem.variables, problem.log_loss, problem.loss, free)
    hidden = largest(rows.variables["tokens"] / rows.variables["params"], 0.25)
    try:
        found = predicted(trial, rows, hidden, "tokens")
    except NormlawsError:
        return float("nan")
    return float(found["error"].abs().mean())
