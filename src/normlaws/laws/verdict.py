"""The verdict: what the data can carry, in words and codes, and what to run next.

Six findings are graded one by one (``laws.findings``). The two laws are *established* where all six
are and nothing stands in the way (too few sizes, optima that were not reached, an error that does
not fall), *contradicted* where one finding is, else *undecided*.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from normlaws.curves import as_size
from normlaws.display.numbers import percent
from normlaws.laws.data.grid import Panel
from normlaws.laws.data.runs import Run
from normlaws.laws.estimators.bootstrap import estimate
from normlaws.laws.estimators.resampled_fit import Samples
from normlaws.laws.findings import LEAVE_CHANCE, exact, findings
from normlaws.laws.result import Estimate, Finding, Grade, Verdict

MIN_SIZES = 4


@dataclass(frozen=True)
class Evidence:
    """What the verdict weighs."""

    metric: str
    runs: list[Run]
    found: Samples
    gamma: Estimate
    gamma0: Estimate
    gamma1: Estimate
    gamma2: Estimate
    product: Estimate
    difference: Estimate

    @property
    def panel(self) -> Panel:
        """The study."""
        return self.found.panel

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The six findings on the two laws as stated, γ0 = 0."""
        return findings(self.found, no_optima=self._no_optima)

    @cached_property
    def shifted(self) -> tuple[Finding, ...]:
        """The same on the generalised form, γ0 ≠ 0."""
        return findings(self.found, shifted=True, no_optima=self._no_optima)

    @cached_property
    def _no_optima(self) -> str:
        """What to run next where most sizes have no clear optimum; empty where they have."""
        missing = _optimum_missing(self)
        return missing[2] if missing else ""

    def of(self, name: str) -> Finding:
        """One finding by its name."""
        return next(one for one in self.findings if one.name == name)


Note = tuple[str, str, str]  # code, sentence, next step


def judge(seen: Evidence) -> Verdict:
    """Weigh the evidence; each note adds a code, a sentence, and what to run next."""
    notes = [note for rule in _RULES if (note := rule(seen))]
    blocked = bool({code for code, _, _ in notes} & _BLOCKING)
    grade = _graded(seen.findings, blocked)
    opening = _opening(seen, grade, blocked)
    chosen = opening + notes
    open_ones = [one for one in seen.findings if one.grade == "undecided" and one.next_step]
    steps = [step for _, _, step in chosen if step]
    if grade == "undecided":
        steps += [one.next_step for one in open_ones]
    return Verdict(
        text=" ".join(sentence for _, sentence, _ in chosen),
        codes=tuple(code for code, _, _ in chosen),
        next_steps=tuple(dict.fromkeys(steps)),
        grade=grade,
        findings=seen.findings,
    )


_BLOCKING = {"too_few_sizes", "error_does_not_fall", "optima_censored", "no_optimum"} | {
    "no_common_early_curve",
    "early_law_extrapolated",
}
_CODES = {
    "common_early_curve": "no_common_early_curve",
    "power_law": "early_curve_bends",
    "collapse": "no_collapse",
    "late_law": "late_law_fails",
    "no_dependence_on_size": "early_curves_depend_on_size",
    "laws_meet": "exponents_inconsistent",
}
_FAILS = {
    "common_early_curve": "small and large sizes do not start down one curve",
    "power_law": "the early curve bends",
    "collapse": "the rescaled curves do not fall on one another",
    "late_law": "the stopping norm is no power of P",
    "no_dependence_on_size": "at fixed norm the early error depends on P",
    "laws_meet": "γ0 + γ1·γ2 is not the direct γ",
}


def _graded(found: tuple[Finding, ...], blocked: bool) -> Grade:
    if any(one.grade == "contradicted" for one in found):
        return "contradicted"
    if not blocked and all(one.grade == "established" for one in found):
        return "established"
    return "undecided"


def _opening(seen: Evidence, grade: Grade, blocked: bool) -> list[Note]:
    """The headline and the codes of what is contradicted."""
    if grade == "established":
        return [("laws_hold", f"Both laws hold: {_exponents(seen)}.", "")]
    wrong = [one for one in seen.findings if one.grade == "contradicted"]
    codes: list[Note] = [(_CODES[one.name], one.says, "") for one in wrong]
    if _holds_shifted(seen, blocked):
        sentence = (
            f"Both laws hold in their generalised form, with γ0 = {seen.gamma0.value:.3g}: "
            f"{_exponents(seen)}."
        )
        return [("laws_hold_shifted", sentence, ""), *codes]
    if grade == "contradicted":
        reasons = " and ".join(_FAILS[one.name] for one in wrong)
        return [("laws_contradicted", f"The two laws do not hold: {reasons}.", ""), *codes]
    return [("undecided", _undecided(seen), ""), *_early_only(seen)]


def _holds_shifted(seen: Evidence, blocked: bool) -> bool:
    low, high = seen.gamma0.low, seen.gamma0.high
    if exact(seen.found):
        low = high = seen.gamma0.value
    if low is None or high is None or low <= 0 <= high:
        return False
    if seen.of("no_dependence_on_size").grade == "established":
        return False
    return _graded(seen.shifted, blocked) == "established"


def _exponents(seen: Evidence) -> str:
    return f"γ0 + γ1·γ2 = {seen.product.value:.3g}, the direct γ = {seen.gamma.value:.3g}"


def _undecided(seen: Evidence) -> str:
    """Which figures are open, and whether they pass."""
    still = [one for one in seen.findings if one.grade == "undecided"]
    if not still:
        return "The verdict is undecided, for the reason below."
    passing = [one for one in still if _passes(one)]
    names = ", ".join(one.name.replace("_", " ") for one in still)
    if len(passing) == len(still) and seen.panel.seedless:
        return "The verdict is undecided for want of seeds; every figure passes."
    if len(passing) == len(still):
        return (
            f"The verdict is undecided: every figure passes, but too wide an interval has {names}."
        )
    return f"The verdict is undecided: {names}."


def _passes(one: Finding) -> bool:
    """Whether a narrower interval about the same figure would establish it."""
    return not one.unsettled and one.established[0] <= one.figure.value <= one.established[1]


def _early_only(seen: Evidence) -> list[Note]:
    early = ("common_early_curve", "power_law")
    if any(seen.of(name).grade != "established" for name in early):
        return []
    return [
        (
            "early_law_only",
            f"The early law holds (γ1 = {seen.gamma1.value:.3g}); the late law is unproven.",
            "",
        )
    ]


def _too_few_sizes(seen: Evidence) -> Note | None:
    found = len(seen.panel.sizes)
    if found >= MIN_SIZES:
        return None
    sizes = [as_size(size) for size in seen.panel.sizes]
    return (
        "too_few_sizes",
        f"Only {found} training-set sizes are usable; exponents need at least {MIN_SIZES}.",
        f"run {_more(MIN_SIZES - found, 'size')}, for example P = {_doublings(sizes, MIN_SIZES)}",
    )


def _does_not_fall(seen: Evidence) -> Note | None:
    gamma = seen.gamma
    flat = gamma.value < 0.02 or (gamma.low is not None and gamma.low <= 0)
    if len(seen.panel.sizes) < 2 or not flat:
        return None
    return (
        "error_does_not_fall",
        f"That the lowest error falls with P cannot be told from chance (γ = {gamma.value:.3g}).",
        "run more seeds and a wider range of sizes, or check the labels and the training",
    )


def _window_set(seen: Evidence) -> Note | None:
    early = seen.found.early
    if seen.found.window is None or early.admitted[0]:
        return None
    return (
        "no_common_early_curve",
        "The curves of different P follow no power law in the window that was set "
        f"(scatter {percent(float(early.scatter[0]), 1)}); γ1 is not trustworthy.",
        "leave the window to be found",
    )


def _optimum_missing(seen: Evidence) -> Note | None:
    panel = seen.panel
    if panel.most(panel.censored):
        return _censored(panel)
    proven = None if _by_loss(seen) else _rise_is_proven(seen)
    if proven or (proven is None and not panel.levels_off):
        return None
    return (
        "no_optimum",
        "At most sizes the error levels off instead of rising again, so λ_opt is where the curve "
        "flattens, not a clear minimum, and γ2 rests on noise.",
        "train longer, or read γ from the direct law and γ1 from the early law only",
    )


def _by_loss(seen: Evidence) -> bool:
    """Whether a loss picks the optima of an error."""
    return seen.metric.endswith("error") and seen.panel.runs[0].selected_on.endswith("loss")


def _chosen_by_loss(seen: Evidence) -> Note | None:
    if not _by_loss(seen):
        return None
    return (
        "optimum_by_loss",
        "The optimum is where the validation loss is lowest, since the error only levels off.",
        "",
    )


def _rise_is_proven(seen: Evidence) -> bool | None:
    """Whether the joint fit's slope beyond the optimum is above zero; None where it cannot say."""
    joint = seen.found.joint
    if joint is None or not seen.found.joint_holds or seen.found.freedom < 1:
        return None
    low = estimate(joint.rise, seen.found.freedom).low
    return None if low is None else low > 0


def _censored(panel: Panel) -> Note:
    what = "curves end" if panel.seedless else "runs were still improving"
    return (
        "optima_censored",
        f"At most sizes the {what} where the error is lowest, so λ_opt is a lower bound "
        "and γ2 is not an optimum's.",
        "train at least twice as many steps",
    )


def _extrapolated(seen: Evidence) -> Note | None:
    if not seen.found.early_law_is_extrapolated:
        return None
    return (
        "early_law_extrapolated",
        f"No curve falls as steeply as the early law, at most with {percent(seen.found.steepest)} "
        "of γ1: between plateau and turn γ1 is extrapolated.",
        LEAVE_CHANCE,
    )


def _irreducible(seen: Evidence) -> Note | None:
    if seen.found.excess is None:
        return None
    found = seen.found.excess.crossover.irreducible
    return (
        "irreducible_error",
        f"Known sizes are forecast better with an irreducible error of {found:.2g}; the direct γ, "
        "a plain slope, then falls with P.",
        "",
    )


def _no_seeds(seen: Evidence) -> Note | None:
    seeds = len(np.unique(seen.panel.seeds))
    if seen.panel.seedless:
        return (
            "no_seeds",
            "The curves carry no seeds, so nothing could be resampled and there are no intervals.",
            "",
        )
    if seeds >= 3:
        return None
    return (
        "too_few_seeds",
        f"Intervals from {seeds} seed{'s' * (seeds > 1)} mean little.",
        f"run {_more(5 - seeds, 'seed')} of every size",
    )


def _lost(seen: Evidence) -> Note | None:
    lost = [run for run in seen.runs if not run.usable]
    if not lost:
        return None
    kinds = sorted({run.status if run.log_norm.size >= 3 else "too short" for run in lost})
    return (
        "runs_left_out",
        f"{len(lost)} of {len(seen.runs)} runs are left out ({', '.join(kinds)}).",
        "",
    )


def _not_monotone(seen: Evidence) -> Note | None:
    kept = np.mean([run.rising.mean() for run in seen.panel.runs])
    if kept > 0.8:
        return None
    return (
        "norm_not_monotone",
        f"The norm falls along training for long stretches; {percent(1 - kept)} of the records do "
        "not enter the early law.",
        "follow a norm that grows through training",
    )


_RULES = (
    _too_few_sizes,
    _does_not_fall,
    _window_set,
    _optimum_missing,
    _chosen_by_loss,
    _extrapolated,
    _irreducible,
    _no_seeds,
    _lost,
    _not_monotone,
)


def _more(count: int, what: str) -> str:
    return f"{count} more {what}{'s' * (count > 1)}"


def _doublings(sizes: list[int], wanted: int) -> str:
    largest = sizes[-1] if sizes else 100
    return ", ".join(str(largest * 2**i) for i in range(1, wanted - len(sizes) + 1))
