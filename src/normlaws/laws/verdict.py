"""The verdict: what the data can carry, in words and codes, and what to run next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.laws.panel import Panel
from normlaws.laws.result import Estimate, Verdict
from normlaws.laws.runs import Floats, Run
from normlaws.laws.samples import Samples

MIN_SIZES = 4
CLEAR_RISE = 0.03  # ln error from the optimum to the end of training


@dataclass(frozen=True)
class Evidence:
    """What the verdict weighs."""

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
    opening = [] if blocking else [_conclusion(seen)]
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


def _too_few_sizes(seen: Evidence) -> Finding | None:
    found = len(seen.panel.sizes)
    if found >= MIN_SIZES:
        return None
    sizes = [int(size) for size in seen.panel.sizes]
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
        f"The best error does not fall with P (γ = {gamma.value:.3g}).",
        "check the labels and the training, or widen the range of sizes",
    )


def _no_common_curve(seen: Evidence) -> Finding | None:
    if seen.found.early.admitted[0] or len(seen.panel.sizes) < 2:
        return None
    return (
        "no_common_early_curve",
        "No window of norms was found in which the curves of different P follow one power law "
        f"(scatter {float(seen.found.early.scatter[0]):.1%}); γ1 is not trustworthy.",
        "record more densely early in training, add seeds, or follow another norm",
    )


def _censored(seen: Evidence) -> Finding | None:
    by_size = _share_by_size(seen.panel, seen.panel.censored)
    if (by_size > 0.5).mean() <= 0.5:
        return None
    what = "curves end" if seen.panel.seedless else "runs were still improving"
    return (
        "optima_censored",
        f"At most sizes the {what} where the error is lowest, so λ_opt is a lower bound "
        "and γ2 is not an optimum's.",
        "train at least twice as many steps",
    )


def _no_optimum(seen: Evidence) -> Finding | None:
    panel = seen.panel
    flat = (
        np.array([best.rise < max(CLEAR_RISE, 2 * best.noise) for best in panel.optima])
        & ~panel.censored
    )
    if (_share_by_size(panel, flat) > 0.5).mean() <= 0.5:
        return None
    return (
        "no_optimum",
        "At most sizes the error levels off instead of rising again, so λ_opt is where the curve "
        "flattens, not a clear minimum, and γ2 rests on noise.",
        "train longer, or read γ from the direct law and γ1 from the early law only",
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
    _censored,
    _no_optimum,
    _inconsistent,
    _no_seeds,
    _lost,
    _not_monotone,
)


def _share_by_size(panel: Panel, which: np.ndarray) -> Floats:
    """Share of runs with a property, by size. (K,)."""
    return (panel.member.T @ which) / panel.member.sum(axis=0)


def _doublings(sizes: list[int], wanted: int) -> str:
    largest = sizes[-1] if sizes else 100
    return ", ".join(str(largest * 2**i) for i in range(1, wanted - len(sizes) + 1))
