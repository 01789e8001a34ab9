"""The answer in plain words: whether the laws hold, and what twice the data would bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from normlaws.display.numbers import count, with_unit

if TYPE_CHECKING:
    from normlaws.laws.fitting import Laws

NAMES = {
    "common_early_curve": "common early curve",
    "power_law": "power law",
    "collapse": "collapse",
    "late_law": "late law",
    "no_dependence_on_size": "no dependence on P",
    "laws_meet": "the laws meet",
}


def headline(laws: Laws) -> str:
    """Whether the laws hold, in one sentence, and the forecast for twice the data, in another."""
    return f"{_held(laws)} {_twice_the_data(laws)}".strip()


def _held(laws: Laws) -> str:
    codes, found = laws.verdict.codes, laws.verdict.findings
    if "laws_hold" in codes:
        return (
            f"Both laws hold: the error falls along one curve as λ^−{laws.gamma1.value:.2f}, and "
            f"the stopping norm grows as P^{laws.gamma2.value:.2f}."
        )
    if "laws_hold_shifted" in codes:
        return (
            "Both laws hold in their generalised form: at fixed norm the early error also falls "
            f"with P, as P^−{laws.gamma0.value:.2f}."
        )
    wrong = [NAMES[one.name] for one in found if one.grade == "contradicted"]
    if wrong:
        return f"The two laws do not hold; contradicted: {', '.join(wrong)}."
    still = [NAMES[one.name] for one in found if one.grade == "undecided"]
    if not still:
        return "Whether the two laws hold is undecided, though every finding is established."
    done = len(found) - len(still)
    return (
        f"Whether the two laws hold is undecided: {done} of {len(found)} findings are established; "
        f"open: {', '.join(still)}."
    )


def _twice_the_data(laws: Laws) -> str:
    last = laws.sizes.sort_values("size").iloc[-1]
    ahead = laws.forecast(2 * float(last["size"]))
    now, then = float(last["error"]), ahead.error
    if not np.isfinite([now, then.value]).all():
        return ""
    span = ""
    if then.low is not None and then.high is not None:
        low, high = (with_unit(bound, laws.metric) for bound in (then.low, then.high))
        span = f", between {low} and {high} for one new run"
    ahead_said = f"Twice the data, P = {count(ahead.size)}: lowest {laws.metric.replace('_', ' ')}"
    value = with_unit(then.value, laws.metric)
    if ahead.bounded_by is not None:
        return (
            f"{ahead_said} expected at most {value}, which P = {count(ahead.bounded_by)} reached "
            f"with runs still improving (the law of the smaller sizes lies above it){span}."
        )
    where = "" if last["used"] else ", where runs were still improving"
    return f"{ahead_said} {with_unit(now, laws.metric)}{where} → {value}{span}."
