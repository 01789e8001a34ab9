"""What a direct law can carry, in words and codes, and what to run next."""

from __future__ import annotations

import numpy as np

from normlaws.curves import Curves
from normlaws.display.numbers import percent
from normlaws.laws.data.grid import Panel
from normlaws.laws.data.runs import Run
from normlaws.laws.direct.result import Sampled
from normlaws.laws.result import Estimate, Verdict

MIN_SIZES = 4
Note = tuple[str, str, str]  # code, sentence, next step


def judge(
    curves: Curves, metric: str, runs: list[Run], panel: Panel, gamma: Estimate, found: Sampled
) -> Verdict:
    """Weigh a direct law; each note adds a code, a sentence, and what to run next."""
    recorded = max((len(run.log_error) for run in panel.runs), default=0)
    notes = [
        _no_norm(curves),
        _no_curves(recorded),
        _too_few_sizes(panel),
        _does_not_fall(metric, gamma),
        _no_seeds(found),
        _censored(panel, recorded),
        _going(runs, panel),
        _lost(runs, panel),
    ]
    kept = [note for note in notes if note is not None]
    return Verdict(
        text=" ".join([_opening(metric, gamma), *(said for _, said, _ in kept)]),
        codes=tuple(code for code, _, _ in kept),
        next_steps=tuple(dict.fromkeys(step for _, _, step in kept if step)),
        grade="undecided",
    )


def _opening(metric: str, gamma: Estimate) -> str:
    span = (
        ""
        if gamma.low is None or gamma.high is None
        else f" (95 %: {gamma.low:.3g} to {gamma.high:.3g})"
    )
    return f"The lowest {metric} falls as P^−γ with γ = {gamma.value:.3g}{span}."


def _no_norm(curves: Curves) -> Note | None:
    if curves.norms:
        return None
    return (
        "no_norm",
        "No norm is recorded, so the early and the late law cannot be read.",
        "record a norm along training, for example with nl.Tracker",
    )


def _no_curves(recorded: int) -> Note | None:
    if recorded >= 3:
        return None
    return (
        "no_curves",
        "The runs have one value each, so whether training had reached its lowest error cannot be "
        "seen.",
        "",
    )


def _too_few_sizes(panel: Panel) -> Note | None:
    count = len(panel.sizes)
    if count >= MIN_SIZES:
        return None
    missing = MIN_SIZES - count
    return (
        "too_few_sizes",
        f"Only {count} sizes are usable; an exponent needs at least {MIN_SIZES}.",
        f"run {missing} more size{'s' * (missing > 1)}",
    )


def _does_not_fall(metric: str, gamma: Estimate) -> Note | None:
    if gamma.value >= 0.02 and (gamma.low is None or gamma.low > 0):
        return None
    return (
        "error_does_not_fall",
        f"That the best {metric} falls with P cannot be told from chance.",
        "run more seeds and a wider range of sizes",
    )


def _no_seeds(found: Sampled) -> Note | None:
    if (found.panel.member.sum(axis=0) > 1).any():
        return None
    return (
        "no_seeds",
        "No size has a second run: intervals come from the scatter about the law and span every "
        "form that fits as well.",
        "repeat every size with other seeds",
    )


def _censored(panel: Panel, recorded: int) -> Note | None:
    if recorded < 3 or not panel.most(panel.censored):
        return None
    return (
        "optima_censored",
        "At most sizes the runs were still improving when they ended, so the lowest error is an "
        "upper bound.",
        "train at least twice as many steps",
    )


def _going(runs: list[Run], panel: Panel) -> Note | None:
    going = sum(run.status == "unfinished" for run in runs)
    if not going:
        return None
    counted = any(run.status == "unfinished" for run in panel.runs)
    are = "run is" if going == 1 else "runs are"
    how = "counted at the lowest value so far, an upper bound" if counted else "left out"
    return (
        "runs_unfinished",
        f"{going} {are} unfinished and {how}.",
        "let the unfinished runs end",
    )


def _lost(runs: list[Run], panel: Panel) -> Note | None:
    counted = {run.name for run in panel.runs}
    lost = [run for run in runs if run.name not in counted and run.status != "unfinished"]
    if not lost:
        return None
    kinds = sorted({run.status for run in lost} - {"complete"}) or ["no value"]
    return (
        "runs_left_out",
        f"{len(lost)} of {len(runs)} runs are left out ({', '.join(kinds)}).",
        "",
    )


def certain(probability: float) -> str:
    """A probability in words for a table: ``> 99 %``, ``83 %``, ``< 1 %``."""
    if not np.isfinite(probability):
        return "–"
    if not 0.01 <= probability <= 0.99:
        return "> 99 %" if probability > 0.5 else "< 1 %"
    return percent(probability)
