"""The verdict: what the data can carry, in words and codes, and what to run next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.curves import as_size
from normlaws.laws.data.grid import Panel
from normlaws.laws.data.runs import Run
from normlaws.laws.estimators.bootstrap import estimate
from normlaws.laws.estimators.resampled_fit import Samples
from normlaws.laws.result import Estimate, Verdict

MIN_SIZES = 4
NARROW = 0.1  # share of the descents below which no early law is claimed
FLAT_EARLY = 0.25  # γ0 over γ: early curves that hardly depend on P are common where they last


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


def judge(seen: Evidence) -> Verdict:
    """Weigh the evidence; each finding adds a code, a sentence, and what to run next."""
    findings = [finding for rule in _RULES if (finding := rule(seen))]
    blocking = [code for code, _, _ in findings if code in _BLOCKING]
    opening = [_conclusion(seen)] if not blocking else _early_only(seen, set(blocking))
    chosen = opening + findings
    return Verdict(
        text=" ".join(sentence for _, sentence, _ in chosen),
        codes=tuple(code for code, _, _ in chosen),
        next_steps=tuple(step for _, _, step in chosen if step),
    )


Finding = tuple[str, str, str]
_BLOCKING = {
    "too_few_sizes",
    "error_does_not_fall",
    "no_common_early_curve",
    "optima_censored",
    "no_optimum",
    "exponents_inconsistent",
}


def _conclusion(seen: Evidence) -> Finding:
    return (
        "laws_hold",
        f"Both laws hold: γ0 + γ1·γ2 = {seen.product.value:.3g} agrees with the direct "
        f"γ = {seen.gamma.value:.3g}.",
        "",
    )


def _early_only(seen: Evidence, blocking: set[str]) -> list[Finding]:
    if blocking - {"optima_censored", "no_optimum", "exponents_inconsistent"}:
        return []
    return [
        (
            "early_law_only",
            f"The early law holds (γ1 = {seen.gamma1.value:.3g}); the late law is unproven.",
            "",
        )
    ]


def _too_few_sizes(seen: Evidence) -> Finding | None:
    found = len(seen.panel.sizes)
    if found >= MIN_SIZES:
        return None
    sizes = [as_size(size) for size in seen.panel.sizes]
    return (
        "too_few_sizes",
        f"Only {found} training-set sizes are usable; exponents need at least {MIN_SIZES}.",
        f"run {MIN_SIZES - found} more sizes, for example P = {_doublings(sizes, MIN_SIZES)}",
    )


def _does_not_fall(seen: Evidence) -> Finding | None:
    gamma = seen.gamma
    flat = gamma.value < 0.02 or (gamma.low is not None and gamma.low <= 0)
    if len(seen.panel.sizes) < 2 or not flat:
        return None
    return (
        "error_does_not_fall",
        f"That the best error falls with P cannot be told from chance (γ = {gamma.value:.3g}).",
        "run more seeds and a wider range of sizes, or check the labels and the training",
    )


def _no_common_curve(seen: Evidence) -> Finding | None:
    early = seen.found.early
    common = early.common or seen.found.joint_speaks
    shared = bool(early.admitted[0]) and early.cover >= NARROW
    if common or (shared and abs(early.gamma0[0]) <= FLAT_EARLY * abs(seen.gamma.value)):
        return None
    inside = int((early.ends[0] > early.low[0]).sum())
    where = (
        f"only between log norms {early.low[0]:.3g} and {early.high[0]:.3g} "
        f"({early.cover:.0%} of their way down, {inside} of {len(seen.panel.sizes)} sizes)"
        if early.admitted[0]
        else f"nowhere (scatter {float(early.scatter[0]):.1%} in the best window)"
        if seen.found.window is None
        else f"not in the window that was set (scatter {float(early.scatter[0]):.1%})"
    )
    return (
        "no_common_early_curve",
        f"The curves of different P follow one power law {where}; γ1 is not trustworthy.",
        "record more densely early in training, add larger sizes and seeds, or follow another norm",
    )


def _optimum_missing(seen: Evidence) -> Finding | None:
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


def _chosen_by_loss(seen: Evidence) -> Finding | None:
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


def _censored(panel: Panel) -> Finding:
    what = "curves end" if panel.seedless else "runs were still improving"
    return (
        "optima_censored",
        f"At most sizes the {what} where the error is lowest, so λ_opt is a lower bound "
        "and γ2 is not an optimum's.",
        "train at least twice as many steps",
    )


def _early_shift(seen: Evidence) -> Finding | None:
    low, high = seen.gamma0.low, seen.gamma0.high
    if low is None or high is None or low <= 0 <= high:
        return None
    if abs(seen.gamma0.value) < 0.1 * abs(seen.gamma.value):
        return None
    return (
        "early_curves_depend_on_size",
        f"At fixed norm the early error still depends on P (γ0 = {seen.gamma0.value:.3g}).",
        "",
    )


def _irreducible(seen: Evidence) -> Finding | None:
    if seen.found.excess is None:
        return None
    found = seen.found.excess.crossover.irreducible
    return (
        "irreducible_error",
        f"Known sizes are forecast better with an irreducible error of {found:.2g}; the direct γ, "
        "a plain slope, then falls with P.",
        "",
    )


def _inconsistent(seen: Evidence) -> Finding | None:
    difference = seen.difference
    if difference.low is not None and difference.high is not None:
        wrong = not difference.low <= 0 <= difference.high
        wrong &= abs(difference.value) > 0.05 * abs(seen.gamma.value)
    else:
        wrong = abs(difference.value) > 0.2 * abs(seen.gamma.value)
    if not wrong:
        return None
    return (
        "exponents_inconsistent",
        f"γ0 + γ1·γ2 = {seen.product.value:.3g} disagrees with the direct "
        f"γ = {seen.gamma.value:.3g}: the two laws do not meet at the optimum.",
        "read laws.window_table(): where γ1 moves with the window, the early law is not a power",
    )


def _no_seeds(seen: Evidence) -> Finding | None:
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
        f"run {5 - seeds} more seeds of every size",
    )


def _lost(seen: Evidence) -> Finding | None:
    lost = [run for run in seen.runs if not run.usable]
    if not lost:
        return None
    kinds = sorted({run.status if run.log_norm.size >= 3 else "too short" for run in lost})
    return (
        "runs_left_out",
        f"{len(lost)} of {len(seen.runs)} runs are left out ({', '.join(kinds)}).",
        "",
    )


def _not_monotone(seen: Evidence) -> Finding | None:
    kept = np.mean([run.rising.mean() for run in seen.panel.runs])
    if kept > 0.8:
        return None
    return (
        "norm_not_monotone",
        f"The norm falls along training for long stretches; {1 - kept:.0%} of the records do not "
        "enter the early law.",
        "follow a norm that grows through training",
    )


_RULES = (
    _too_few_sizes,
    _does_not_fall,
    _no_common_curve,
    _optimum_missing,
    _chosen_by_loss,
    _inconsistent,
    _early_shift,
    _irreducible,
    _no_seeds,
    _lost,
    _not_monotone,
)


def _doublings(sizes: list[int], wanted: int) -> str:
    largest = sizes[-1] if sizes else 100
    return ", ".join(str(largest * 2**i) for i in range(1, wanted - len(sizes) + 1))
