"""The six findings: figure, interval, thresholds, grade, power, sentence.

A finding is *established* where its whole interval lies within one pair of bounds, *contradicted*
where it lies wholly beyond a wider pair, and *undecided* between: "not rejected" is not agreement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from normlaws.arrays import Floats
from normlaws.laws.estimators.bootstrap import estimate
from normlaws.laws.estimators.resampled_fit import Samples
from normlaws.laws.findings.figures import Figures
from normlaws.laws.result import Estimate, Finding, Grade

INF = float("inf")
MIN_SIZES = 4  # used ones
SHARE = (0.5, 0.35)
BEND = (float(np.log(1.5)), float(np.log(1.8)))
FACTOR = 2.0
COLLAPSE = (0.035, 0.06)
RESIDUAL = (0.1, 0.2)
FREE_OF_SIZE = (0.25, 0.15)
MEET = (0.2, 0.10)
EXACT = 1e-4  # roughness in ln error below which a curve without seeds is exact, not an average


@dataclass(frozen=True)
class Asked:
    """A question with its bounds and what is true where the laws hold."""

    name: str
    question: str
    means: str
    within: tuple[float, float]
    beyond: tuple[float, float]
    true: float
    says: Callable[[Grade, Estimate], str]
    narrow: str


def findings(found: Samples, shifted: bool = False) -> tuple[Finding, ...]:
    """All findings on a fit; ``shifted`` asks them of the law with γ0 ≠ 0."""
    figures = Figures(found, shifted)
    return (
        _common(figures),
        _power(figures),
        _collapse(figures),
        _late(figures),
        _free_of_size(figures),
        _meet(figures),
    )


def exact(found: Samples) -> bool:
    """Whether curves without seeds are exact, smooth to 1e-4, so that nothing is uncertain."""
    return found.panel.seedless and bool((found.panel.noise < EXACT).all())


def _interval(found: Samples, values: Floats) -> Estimate:
    one = estimate(values, found.freedom)
    return Estimate(one.value, one.value, one.value) if exact(found) else one


def _grade(figure: Estimate, asked: Asked) -> Grade:
    low, high = figure.low, figure.high
    if low is None or high is None or np.isnan(figure.value):
        return "undecided"
    if high < asked.beyond[0] or low > asked.beyond[1]:
        return "contradicted"
    if asked.within[0] <= low and high <= asked.within[1]:
        return "established"
    return "undecided"


def _power_of(figure: Estimate, asked: Asked) -> float | None:
    """Chance of establishing it with an interval as wide, were the true value that of the laws."""
    if figure.low is None or figure.high is None or not np.isfinite(figure.high - figure.low):
        return None
    half = max((figure.high - figure.low) / 2, 1e-12)
    deviation = half / 1.96
    above = stats.norm.cdf((asked.within[1] - half - asked.true) / deviation)
    below = stats.norm.cdf((asked.within[0] + half - asked.true) / deviation)
    return float(np.clip(above - below, 0.0, 1.0))


def _finding(figure: Estimate, asked: Asked, doubt: str = "") -> Finding:
    """``doubt`` is a reason why nothing can be decided."""
    grade: Grade = "undecided" if doubt else _grade(figure, asked)
    passes = asked.within[0] <= figure.value <= asked.within[1]
    says = asked.says(grade, figure)
    step = ""
    if grade == "undecided":
        step = doubt or asked.narrow
        if not doubt and figure.low is None:
            says += " Without seeds its uncertainty is unknown."
        elif not doubt:
            says += (
                " The interval is too wide to decide." if passes else " It is too near the limit."
            )
    return Finding(
        name=asked.name,
        question=asked.question,
        figure=figure,
        figure_means=asked.means,
        established=asked.within,
        contradicted=asked.beyond,
        grade=grade,
        power=_power_of(figure, asked),
        says=says,
        next_step=step,
    )


def _common(figures: Figures) -> Finding:
    asked = Asked(
        "common_early_curve",
        "Do small and large sizes start down one curve?",
        "share of its fall that a size does on the curve of the next larger ones",
        (SHARE[0], INF),
        (SHARE[1], INF),
        0.75,
        lambda grade, at: f"Sizes share {at.value:.0%} of their fall.",
        "add seeds, or record more densely early in training",
    )
    share = _interval(figures.found, figures.common_share())
    return _finding(Estimate(*(_share(value) for value in share)), asked)  # type: ignore[arg-type]


def _share(value: float | None) -> float | None:
    return None if value is None else float(np.clip(value, 0.0, 1.0))


def _power(figures: Figures) -> Finding:
    asked = Asked(
        "power_law",
        "Is that curve a power law?",
        "ratio of its slopes, in ln ε against ln λ, at the end and at the beginning",
        (1 / 1.5, 1.5),
        (1 / 1.8, 1.8),
        1.0,
        lambda grade, at: f"From end to end of it the slope changes by a factor of {at.value:.2f}.",
        "add seeds, or sizes over a wider range",
    )
    stretch = figures.stretch
    if stretch is None:
        return _finding(Estimate(float("nan")), asked, "record more densely along the descent")
    ratio = _exp(_interval(figures.found, stretch.slope_change()))
    short = stretch.factor < FACTOR
    return _finding(ratio, asked, "train to lower errors: add larger sizes" if short else "")


def _exp(one: Estimate) -> Estimate:
    return Estimate(*(None if v is None else float(np.exp(min(v, 50.0))) for v in one))  # type: ignore[arg-type]


def _collapse(figures: Figures) -> Finding:
    asked = Asked(
        "collapse",
        "Are all curves one after rescaling by their own optimum?",
        "spread of the rescaled curves beyond seed noise, over their fall",
        (0.0, COLLAPSE[0]),
        (0.0, COLLAPSE[1]),
        0.02,
        lambda grade, at: f"The rescaled curves spread by {at.value:.1%} of their fall.",
        "add seeds, and train past the optimum",
    )
    squares = _interval(figures.found, figures.collapse())
    return _finding(Estimate(*(_root(value) for value in squares)), asked)  # type: ignore[arg-type]


def _root(value: float | None) -> float | None:
    return None if value is None else float(np.sqrt(max(value, 0.0)))


def _late(figures: Figures) -> Finding:
    found = figures.found
    asked = Asked(
        "late_law",
        "Is the best norm a power of P?",
        "scatter of ln λ_opt about its law, over its range",
        (0.0, RESIDUAL[0]),
        (0.0, RESIDUAL[1]),
        0.03,
        lambda grade, at: f"ln λ_opt lies within {at.value:.0%} of its range of a power law.",
        "add seeds, or sizes over a wider range",
    )
    residual = float(figures.late_residual()[0])
    own = estimate(figures.late_residual(), found.freedom)
    gamma2 = _interval(found, found.late[:, 1])
    known = gamma2.low is not None and gamma2.high is not None
    figure = Estimate(residual, residual, residual) if known else Estimate(residual)
    if known and own.low is not None and residual > RESIDUAL[0]:
        noise = residual - own.low
        figure = Estimate(residual, max(residual - noise, 0.0), residual + noise)
    if int(found.used.sum()) < MIN_SIZES:
        return _finding(figure, asked, f"run sizes until {MIN_SIZES} have a clear optimum")
    if known and gamma2.high is not None and gamma2.high < 0:
        return _finding(Estimate(INF, INF, INF), asked)
    if known and gamma2.low is not None and gamma2.low <= 0:
        return _finding(figure, asked, "add seeds or sizes: γ2 is not yet above zero")
    return _finding(figure, asked)


def _free_of_size(figures: Figures) -> Finding:
    found = figures.found
    gamma = abs(float(found.direct[0, 1]))
    limit, beyond = FREE_OF_SIZE
    asked = Asked(
        "no_dependence_on_size",
        "At fixed norm, is the early error the same for every P?"
        if not figures.shift
        else "At fixed norm, does the early error depend on P by one exponent?",
        "γ0 over γ, at the end of the early stretch where it is larger",
        (-limit, limit),
        (-beyond, beyond),
        0.0,
        lambda grade, at: f"At fixed norm the early error falls with P by {at.value:.2f} γ.",
        "add seeds, or sizes over a wider range",
    )
    stretch = figures.stretch
    if stretch is None or gamma <= 0:
        return _finding(Estimate(float("nan")), asked, "record more densely along the descent")
    low, high = stretch.dependence()
    mean = (low + high) / 2 if figures.shift else 0.0
    ends = [_interval(found, (end - mean) / gamma) for end in (low, high)]
    return _finding(max(ends, key=lambda one: _farthest(one)), asked)


def _farthest(one: Estimate) -> float:
    return max(abs(value) for value in one if value is not None)


def _meet(figures: Figures) -> Finding:
    found = figures.found
    limit, beyond = MEET
    asked = Asked(
        "laws_meet",
        "Do the two laws give the fall of the best error?",
        "γ0 + γ1·γ2 less the direct γ, over γ",
        (-limit, limit),
        (-beyond, beyond),
        0.0,
        lambda grade, at: f"γ0 + γ1·γ2 is {at.value:+.0%} off the direct γ.",
        "add seeds, or sizes over a wider range",
    )
    gamma = -float(found.direct[0, 1])
    gamma1, gamma0 = found.early_exponents
    difference = gamma0 + gamma1 * found.late[:, 1] + found.direct[:, 1]
    if not gamma > 0:
        return _finding(Estimate(float("nan")), asked, "run sizes over a wider range")
    return _finding(_interval(found, difference / gamma), asked)
