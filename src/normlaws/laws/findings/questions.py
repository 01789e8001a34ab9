"""The six findings: figure, interval, thresholds, grade, power, sentence.

A finding is *established* where its whole interval lies within one pair of bounds, *contradicted*
where it lies wholly beyond a wider pair, and *undecided* between: "not rejected" is not agreement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from normlaws.arrays import Floats
from normlaws.display.numbers import percent
from normlaws.laws.distributions import normal_below
from normlaws.laws.estimators.bootstrap import estimate, widened
from normlaws.laws.estimators.resampled_fit import Samples
from normlaws.laws.findings.figures import NOISE, Figures
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
FREED = 0.1  # of the quoted γ, by which the one without the plateau is another


@dataclass(frozen=True)
class Bounds:
    """Of a ratio that is 1 where the laws hold: of its value, of its interval; contradicted."""

    most: float
    known: float
    beyond: float


HIDDEN = Bounds(1.4, 2.5, 1.8)  # ratio of early slopes, plateau and turn fitted along
DRIFTS = Bounds(1.5, 2.5, 2.0)  # ratio of γ2 at both ends
WIDENS = Bounds(1.8, 5.0, 3.0)  # ratio of the turn's widths at both ends

ON_EARLY_LAW = ("power_law", "no_dependence_on_size", "laws_meet")
LEAVE_CHANCE = "add larger sizes and train longer, until curves fall several times below chance"
ELSEWHERE = "add larger sizes, or set the early window by hand"
NO_OPTIMUM = "γ2 is not an optimum's"
FALLS = "The stopping norm does not grow with P: γ2 is below zero."
TURNS_ELSEWHERE = "A fit of all curves turns elsewhere than their optima"
NO_SEEDS = " Without seeds its uncertainty is unknown."
TOO_WIDE = " The interval is too wide to decide."
PAST = " That is past the limit, but the interval is too wide to be sure of it."
NO_STRETCH = "add larger sizes, or record more densely, for points between the plateau and the turn"


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


def findings(found: Samples, shifted: bool = False, no_optima: str = "") -> tuple[Finding, ...]:
    """All findings on a fit.

    Args:
        found: the fit.
        shifted: whether they are asked of the law with γ0 ≠ 0.
        no_optima: what to run next where γ2 does not come from optima, so that it cannot be held
            against γ; empty where it does. The late law is undecided where they are lower bounds.
    """
    figures = Figures(found, shifted)
    answers = (
        _common(figures),
        _power(figures),
        _collapse(figures),
        _late(figures, no_optima),
        _free_of_size(figures),
        _meet(figures, no_optima),
    )
    return tuple(map(_extrapolated, answers)) if found.early_law_is_extrapolated else answers


def exact(found: Samples) -> bool:
    """Whether curves without seeds are exact, smooth to 1e-4, so that nothing is uncertain."""
    return found.panel.exact


def _interval(found: Samples, values: Floats, error: float = 0.0) -> Estimate:
    """``error`` is the standard deviation that the crossover leaves in exact curves."""
    one = estimate(values, found.freedom)
    return widened(Estimate(*[one.value] * 3), error) if exact(found) else one


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
    above = normal_below((asked.within[1] - half - asked.true) / deviation)
    below = normal_below((asked.within[0] + half - asked.true) / deviation)
    return float(np.clip(above - below, 0.0, 1.0))


def _finding(figure: Estimate, asked: Asked, doubt: str = "") -> Finding:
    """``doubt`` is a reason why nothing can be decided."""
    grade: Grade = "undecided" if doubt else _grade(figure, asked)
    passes = asked.within[0] <= figure.value <= asked.within[1]
    unread = np.isnan(figure.value)
    says = "These curves do not show it." if unread else asked.says(grade, figure)
    step = ""
    if grade == "undecided":
        step = doubt or asked.narrow
        if not doubt and not unread:
            says += NO_SEEDS if figure.low is None else TOO_WIDE if passes else PAST
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


def _by_joint_fit(found: Samples, figure: Estimate, asked: Asked, doubt: str = "") -> Finding:
    """A finding that takes plateau and turn from the joint fit, where those are the curves' own."""
    if not found.joint_turns_elsewhere:
        return _finding(figure, asked, doubt)
    return _doubted(_finding(figure, asked, ELSEWHERE), TURNS_ELSEWHERE)


def _extrapolated(answer: Finding) -> Finding:
    """A finding that rests on an early law which no curve follows decides nothing.

    Whether curves lie on one another needs no law.
    """
    if answer.name not in ON_EARLY_LAW or answer.unsettled:
        return answer
    return _near_chance(answer, "γ1 is extrapolated")


def _near_chance(answer: Finding, reason: str) -> Finding:
    """A finding that is undecided until curves have left the plateau."""
    return _doubted(replace(answer, grade="undecided", next_step=LEAVE_CHANCE), reason)


def _doubted(answer: Finding, reason: str) -> Finding:
    """An undecided finding that no narrower interval would decide."""
    says = f"{answer.says} {reason}, so this decides nothing."
    return replace(answer, says=says, unsettled=True)


def _graver(first: Finding, second: Finding | None) -> Finding:
    """The one of two answers to a question that says less for the laws; the first where alike."""
    order = ("established", "undecided", "contradicted")
    if second is None or order.index(second.grade) <= order.index(first.grade):
        return first
    return replace(second, name=first.name, question=first.question)


def _ratio(
    found: Samples, values: Floats | None, bounds: Bounds, means: str, says: str
) -> Finding | None:
    """A ratio that is 1 where the laws hold, of the wider family of crossovers.

    It stands in nobody's way where its value is within ``bounds.most`` and its interval within
    ``bounds.known``, and contradicts where the whole interval is beyond ``bounds.beyond``; None
    without values.
    """
    if values is None:
        return None
    figure = _exp(_interval(found, values))
    most, beyond = bounds.most, bounds.beyond
    asked = Asked(
        "",
        "",
        means,
        (1 / most, most),
        (1 / beyond, beyond),
        1.0,
        lambda grade, at: says.format(at.value),
        "add seeds, or sizes over a wider range",
    )
    answer = _finding(figure, asked)
    passes = 1 / most <= figure.value <= most
    if answer.grade == "undecided" and passes and _within(figure, bounds.known):
        return replace(answer, grade="established", next_step="")
    return answer


def _within(figure: Estimate, factor: float) -> bool:
    low, high = figure.low, figure.high
    return low is not None and high is not None and 1 / factor <= low and high <= factor


def _common(figures: Figures) -> Finding:
    asked = Asked(
        "common_early_curve",
        "Do small and large sizes start down one curve?",
        "share of its fall that a size does on the curve of the next larger ones",
        (SHARE[0], INF),
        (SHARE[1], INF),
        0.75,
        lambda grade, at: f"Sizes share {percent(at.value)} of their fall.",
        "add seeds, or record more densely early in training",
    )
    share = _interval(figures.found, figures.common_share())
    if share.high is not None:
        most = _interval(figures.found, figures.common_share(forgiven=NOISE)).high
        share = share._replace(high=max(share.high, most or 0.0))
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
        return _finding(Estimate(float("nan")), asked, NO_STRETCH)
    ratio = _exp(_interval(figures.found, stretch.slope_change()))
    short = "train to lower errors: add larger sizes" if stretch.factor < FACTOR else ""
    hidden = _ratio(
        figures.found,
        figures.hidden_bend(),
        HIDDEN,
        "ratio of its slopes at the end and at the beginning, plateau and turn fitted along",
        "With the plateau and the turn fitted along, its slope changes by a factor of {:.2f}.",
    )
    return _graver(_by_joint_fit(figures.found, ratio, asked, short), hidden)


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
        lambda grade, at: f"The rescaled curves spread by {percent(at.value, 1)} of their fall.",
        "add seeds, and train past the optimum",
    )
    squares = _interval(figures.found, figures.collapse())
    figure = Estimate(*(_root(value) for value in squares))  # type: ignore[arg-type]
    return _graver(_finding(figure, asked), _width(figures.found))


def _width(found: Samples) -> Finding | None:
    """Whether the turn widens with P; None where its width is not known to change."""
    if found.deviations is None:
        return None
    ratio = _interval(found, found.deviations.width)
    if ratio.low is None or ratio.high is None or ratio.low <= 0 <= ratio.high:
        return None
    answer = _ratio(
        found,
        found.deviations.width,
        WIDENS,
        "width of the turn at the largest size over that at the smallest",
        "From the smallest to the largest size the turn widens by a factor of {:.2f}.",
    )
    if answer is None or answer.grade != "contradicted" or found.all_leave_plateau:
        return answer
    return _near_chance(answer, "Some sizes turn on the plateau")


def _root(value: float | None) -> float | None:
    return None if value is None else float(np.sqrt(max(value, 0.0)))


def _late(figures: Figures, no_optima: str) -> Finding:
    found = figures.found
    asked = Asked(
        "late_law",
        "Is the stopping norm a power of P?",
        "scatter of ln λ_opt about its law, over its range",
        (0.0, RESIDUAL[0]),
        (0.0, RESIDUAL[1]),
        0.03,
        lambda grade, at: f"ln λ_opt lies within {percent(at.value)} of its range of a power law.",
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
    if no_optima and found.panel.most(found.panel.censored):
        return _doubted(_finding(figure, asked, no_optima), NO_OPTIMUM)
    if int(found.used.sum()) < MIN_SIZES:
        return _finding(figure, asked, f"run sizes until {MIN_SIZES} have a clear optimum")
    if known and gamma2.high is not None and gamma2.high < 0:
        return replace(_finding(Estimate(INF, INF, INF), asked), says=FALLS)
    if known and gamma2.low is not None and gamma2.low <= 0:
        return _finding(figure, asked, "add seeds or sizes: γ2 is not yet above zero")
    drift = _ratio(
        found,
        None if found.deviations is None else found.deviations.drift,
        DRIFTS,
        "γ2 at the largest size over γ2 at the smallest",
        "From the smallest to the largest size γ2 changes by a factor of {:.2f}.",
    )
    return _graver(_finding(figure, asked), drift)


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
        lambda grade, at: (
            f"At fixed norm the early error {'rises' if at.value < 0 else 'falls'} with P, with an "
            f"exponent of {abs(at.value):.2f} γ."
        ),
        "add seeds, or sizes over a wider range",
    )
    stretch = figures.stretch
    if stretch is None or gamma <= 0:
        return _finding(Estimate(float("nan")), asked, NO_STRETCH)
    low, high = stretch.dependence()
    mean = (low + high) / 2 if figures.shift else 0.0
    error = found.model_error("gamma0") / gamma
    ends = [_interval(found, (end - mean) / gamma, error) for end in (low, high)]
    return _by_joint_fit(found, max(ends, key=lambda one: _farthest(one)), asked)


def _farthest(one: Estimate) -> float:
    return max(abs(value) for value in one if value is not None)


def _meet(figures: Figures, no_optima: str) -> Finding:
    found = figures.found
    direct = found.direct_slope
    gamma, quoted = -float(direct[0]), -float(found.direct[0, 1])
    freed = abs(gamma - quoted) > FREED * abs(quoted)
    free = f", which is {gamma:.2g} without the plateau at chance" if freed else ""
    less = f"γ without the plateau at chance ({gamma:.2g})" if freed else "direct γ"
    limit, beyond = MEET
    asked = Asked(
        "laws_meet",
        "Do the two laws give the fall of the lowest error?",
        f"γ0 + γ1·γ2 less the {less}, over {'that' if freed else 'γ'}",
        (-limit, limit),
        (-beyond, beyond),
        0.0,
        lambda grade, at: (
            f"γ0 + γ1·γ2 is {100 * abs(at.value):.0f} % {'below' if at.value < 0 else 'above'} the "
            f"direct γ{free}."
        ),
        "add seeds, or sizes over a wider range",
    )
    gamma1, gamma0 = found.early_exponents
    difference = gamma0 + gamma1 * found.late[:, 1] + direct
    if not gamma > 0:
        return _finding(Estimate(float("nan")), asked, "run sizes over a wider range")
    error = found.model_error("difference") / gamma
    figure = _interval(found, difference / gamma, error)
    if no_optima:
        return _doubted(_finding(figure, asked, no_optima), NO_OPTIMUM)
    return _by_joint_fit(found, figure, asked)
