"""Which figures a study gets, with what they show in words; and why one is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from normlaws.curves import Curves
from normlaws.display.numbers import count, fixed, power, significant
from normlaws.errors import InputError
from normlaws.report import figures
from normlaws.report.page import Figure
from normlaws.report.scales import words

if TYPE_CHECKING:
    from normlaws.laws import Estimate, Laws


@dataclass(frozen=True)
class Subject:
    """What a report is about: the curves, their laws where they could be fitted, and the axes."""

    curves: Curves
    laws: Laws | None
    norm: str
    metric: str


@dataclass(frozen=True)
class Missing:
    """A figure that could not be drawn, and why."""

    name: str
    reason: str


Drawing = Callable[[Subject], Figure]


def draw(subject: Subject) -> Iterator[Figure | Missing]:
    """Every figure in reading order."""
    for name, drawing in DRAWINGS.items():
        if subject.laws is None and name not in WITHOUT_LAWS:
            continue
        try:
            yield drawing(subject)
        except InputError as error:
            yield Missing(words(name.replace("-", "_")), str(error))


def _laws(subject: Subject) -> Laws:
    assert subject.laws is not None
    return subject.laws


def _main(subject: Subject) -> Figure:
    axes = figures.error_against_norm(
        subject.curves, subject.laws, norm=subject.norm, metric=subject.metric
    )
    caption = (
        f"{_upper(words(subject.metric))} against the {words(subject.norm)} along training, one "
        "line for each training-set size P, in the colour of the key. "
    )
    if subject.laws is None:
        caption += "Lines: mean over complete runs at equal step; bands: one standard error of it."
    else:
        caption += (
            "Lines: mean over seeds at equal norm, as fitted, pale where not every seed reaches; "
            "bands: one standard error of it. Circles mark the optimum of each size; they are "
            "hollow where the error of some run was still falling when it ended. Where the early "
            "law holds, the lines lie on each other in the shaded window, which ends where the "
            "largest size leaves the law; smaller sizes leave it earlier. The dashed line is the "
            "law at the largest size, which its curve nears between the plateau at chance and the "
            "turn."
        )
    return Figure(
        axes, f"{_about(subject)} {_optimum_words(subject)}".strip(), caption, "error-against-norm"
    )


def _by_optimum(subject: Subject) -> Figure:
    laws = _laws(subject)
    judged = next((one for one in laws.verdict.findings if one.name == "collapse"), None)
    alt = (
        f"Log–log plot of the curves of {len(laws.sizes)} sizes, each divided by its own lowest "
        f"{words(laws.metric)} and its own stopping norm; they meet at the point (1, 1). "
        f"{judged.says if judged else ''}"
    ).strip()
    caption = (
        "Rescaled collapse: every curve divided by its own optimum (the cross); below, what sets "
        "it apart from their mean, along the stretch that is judged (0.1 is about 10\u00a0%). "
        + (
            "Grey: where 95\u00a0% of the curves would lie if seeds alone set them apart. "
            if laws.gamma.low is not None
            else "There are no seeds to say how far apart chance alone would set them. "
        )
        + f"{judged.says if judged else ''} Where the laws hold, the lines are one."
    )
    return Figure(figures.collapse_by_optimum(laws), alt, caption, "collapse-by-optimum")


def _by_exponents(subject: Subject) -> Figure:
    laws = _laws(subject)
    alt = (
        f"Log–log plot of the curves of {len(laws.sizes)} sizes, rescaled by powers of P alone "
        f"with γ = {fixed(laws.gamma.value)} and γ₂ = {fixed(laws.gamma2.value)}."
    )
    caption = (
        "The same, rescaled by the two fitted exponents instead of each measured optimum: two "
        "numbers for all sizes. This is the stricter test."
    )
    return Figure(figures.collapse_by_exponents(laws), alt, caption, "collapse-by-exponents")


def _error(subject: Subject) -> Figure:
    laws = _laws(subject)
    alt = (
        f"Log–log plot of the lowest {words(laws.metric)} against the training-set size, "
        f"{_ends(laws, 'error')}. Direct slope γ = {_estimate(laws.gamma)}, "
        f"predicted γ₀ + γ₁γ₂ = {_estimate(laws.product)}."
    )
    caption = (
        f"Lowest {words(laws.metric)} against P, with 95\u00a0% intervals. The two lines should "
        "have one slope, away from chance, where the predicted line bends as the early law does. "
        "It takes only its slope from the two laws and is drawn through the centre of the fitted "
        "points."
    )
    return Figure(figures.error_against_size(laws), alt, caption, "error-against-size")


def _norm(subject: Subject) -> Figure:
    laws = _laws(subject)
    alt = (
        f"Log–log plot of the stopping norm ({words(laws.norm)}) against the training-set size, "
        f"{_ends(laws, 'log_norm')}. Slope γ₂ = {_estimate(laws.gamma2)}."
    )
    caption = (
        "The stopping norm, that at the lowest error, against P: geometric mean over seeds with "
        "its 95\u00a0% interval, single seeds slightly to the left, and the late law."
    )
    return Figure(figures.norm_against_size(laws), alt, caption, "norm-against-size")


def _crossover(subject: Subject) -> Figure:
    laws = _laws(subject)
    axes = figures.crossover_fit(laws)
    assert laws.crossover is not None
    scatter = (
        f"its scatter about the mean curves is {significant(100 * laws.crossover.scatter)}\u00a0%"
    )
    judged = (
        "what seed noise explains" if laws.crossover.adequate else "more than seed noise explains"
    )
    alt = (
        "Log–log plot of the mean curves as dots with the fitted crossover as lines, one per size, "
        "and below it the natural logarithm of error over fit against the norm; "
        f"{scatter}, {judged}."
    )
    caption = (
        "One smooth crossover fitted to all runs together, over the data (pale where left out); "
        f"below, what it leaves unexplained (0.1 is about 10\u00a0%): {scatter}, {judged}."
    )
    return Figure(axes, alt, caption, "crossover")


def _steps(subject: Subject) -> Figure:
    axes = figures.norm_against_step(subject.curves, norm=subject.norm)
    alt = f"Log–log plot of the {words(subject.norm)} against the optimiser step. {_span(subject)}"
    caption = (
        f"The {words(subject.norm)} against the step: geometric mean over complete runs, and one "
        "standard error."
    )
    return Figure(axes, alt, caption, "norm-against-step")


def _losses(subject: Subject) -> Figure:
    kind = "loss" if any(name.endswith("loss") for name in subject.curves.metrics) else "error"
    axes = figures.losses_against_step(subject.curves, kind=kind)
    alt = (
        f"Plot of training and test {kind} against the optimiser step, one pair of lines per size."
    )
    caption = (
        f"Test {kind} (solid, with its standard error) and training {kind} (dotted) against the "
        "step: means over complete runs."
    )
    return Figure(axes, alt, caption, f"{kind}-against-step")


DRAWINGS: dict[str, Drawing] = {
    "error-against-norm": _main,
    "collapse-by-optimum": _by_optimum,
    "collapse-by-exponents": _by_exponents,
    "error-against-size": _error,
    "norm-against-size": _norm,
    "crossover": _crossover,
    "norm-against-step": _steps,
    "loss-against-step": _losses,
}
WITHOUT_LAWS = ("error-against-norm", "norm-against-step", "loss-against-step")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _about(subject: Subject) -> str:
    sizes = subject.curves.sizes
    many = f"{len(sizes)} sizes from {count(sizes[0])} to {count(sizes[-1])}"
    what = f"{words(subject.metric)} against the {words(subject.norm)}"
    return f"Log–log plot of {what} for {many if len(sizes) > 1 else 'one size'}."


def _optimum_words(subject: Subject) -> str:
    if subject.laws is None:
        return ""
    return f"The lowest {words(subject.metric)} goes {_ends(subject.laws, 'error')}."


def _ends(laws: Laws, column: str) -> str:
    """``"from 0.36 at P = 32 to 0.02 at P = 1,024"``."""
    table = laws.sizes.dropna(subset=[column]).sort_values("size")
    if table.empty:
        return "without a value"
    write = power if column == "log_norm" else significant
    first, last = table.iloc[0], table.iloc[-1]
    return (
        f"from {write(first[column])} at P = {count(first['size'])} "
        f"to {write(last[column])} at P = {count(last['size'])}"
    )


def _estimate(estimate: Estimate) -> str:
    return fixed(estimate.value)


def _span(subject: Subject) -> str:
    logs = subject.curves.frame[f"log_{subject.norm}"].replace([np.inf, -np.inf], np.nan).dropna()
    if logs.empty:
        return ""
    return f"It runs from {power(logs.min())} to {power(logs.max())}."


def axes_of(subject: Subject) -> dict[str, Axes]:
    """The axes of every figure that can be drawn, by the figure's name."""
    return {one.name: one.axes for one in draw(subject) if isinstance(one, Figure)}
