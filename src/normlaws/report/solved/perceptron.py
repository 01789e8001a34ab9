"""The report of the solvable perceptron, from its comparison of theory and finite students."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from normlaws.curves import Curves
    from normlaws.report import Figure, Section, Table
    from normlaws.theory import Comparison

TITLE = "The solvable perceptron"
DECADE = (100.0, 1000.0)  # of α, where theory has reached its asymptotic exponents


def lead(comparison: Comparison) -> list[str]:
    """Short facts below the heading."""
    runs = comparison.fixed_norm
    return [
        f"N = {comparison.dimension}",
        f"{len(runs.sizes)} sizes, P = {', '.join(map(str, runs.sizes))}",
        f"{len(runs.seeds)} seeds",
        f"label noise η = {comparison.flip_probability:g}",
    ]


def sections(comparison: Comparison) -> list[Section]:
    """The page's sections."""
    from normlaws.report import Section, Text

    return [
        Section("What is shown", "shown", [Text(_INTRODUCTION)]),
        Section("Error against norm", "curves", _curve_figures(comparison)),
        Section("Collapse", "collapse", [_collapse_figure(comparison)]),
        Section("Exponents", "exponents", [*_exponent_figures(comparison), _fits(comparison)]),
        Section("The optimal norm", "optimum", [_optima(comparison)]),
    ]


_INTRODUCTION = (
    "A student perceptron learns from P = αN examples that a teacher of the same kind has "
    "labelled. Held at norm λ, its logistic loss has a minimum whose generalisation error ε is "
    "known exactly for large N (line). Small norms give Hebb's rule, large ones maximum "
    "stability, and the optimal norm comes close to Bayes' bound. Gradient descent from zero has "
    "no such constraint, yet it passes through the same sequence as its norm grows."
)


def _curve_figures(comparison: Comparison) -> list[Figure]:
    from normlaws.report import Figure
    from normlaws.report.solved import perceptron_figures as figures

    return [
        Figure(
            figures.error_against_norm(comparison, size),
            alt=f"Error against norm at alpha {size / comparison.dimension:g}: a line with one "
            "minimum, points of the simulation on it, dots of descent beside it.",
            caption="Line: theory. Circles: loss minimised at fixed norm, mean and three standard "
            "errors over seeds. Dots: descent from zero, mean over seeds. Dashed: the rules.",
            name=f"error-against-norm-{size}",
        )
        for size in comparison.theory.sizes
    ]


def _collapse_figure(comparison: Comparison) -> Figure:
    from normlaws.report import Figure
    from normlaws.report.solved import perceptron_figures as figures

    return Figure(
        figures.collapse(comparison),
        alt="Error times alpha against norm over alpha; curves of large alpha fall on one.",
        caption="At large α all curves fall on one: the optimal norm grows as α and the lowest "
        "error falls as 1/α. Circles: simulation at fixed norm.",
        name="collapse",
    )


def _exponent_figures(comparison: Comparison) -> list[Figure]:
    from normlaws.report import Figure
    from normlaws.report.solved import perceptron_figures as figures

    flip = comparison.flip_probability
    return [
        Figure(
            figures.local_exponents(flip_probability=flip),
            alt="Two local exponents against norm; both have a plateau at one half.",
            caption="Local slopes of ln ε by implicit differentiation: −∂/∂ln λ (solid) and "
            "−∂/∂ln α (dashed). Without label noise both approach 1/2 for 1 ≪ λ ≪ α.",
            name="local-exponents",
        ),
        Figure(
            figures.optimum_exponents(flip),
            alt="Exponents of optimal norm and lowest error against alpha.",
            caption="How the optimal norm and the lowest error scale with α; without label noise "
            "both exponents tend to 1.",
            name="optimum-exponents",
        ),
    ]


def _fits(comparison: Comparison) -> Table:
    import numpy as np

    from normlaws.display.exponents import EXPONENTS
    from normlaws.report import Table
    from normlaws.report.solved._any import SHOWN
    from normlaws.theory import FixedNormPerceptron

    theory = FixedNormPerceptron(comparison.flip_probability)
    low, high = DECADE
    wide = theory.curves(np.geomspace(low, high, 7), np.geomspace(0.03, 10 * high, 121))
    rows = [
        _exponents(f"theory, α from {low:g} to {high:g}", wide),
        _exponents("theory, the sizes above", comparison.theory),
        _exponents("fixed norm", comparison.fixed_norm),
        _exponents("descent", comparison.descent),
    ]
    if comparison.flip_probability == 0:
        rows.insert(0, ["theory, 1 ≪ λ ≪ α → ∞", "1", "1/2", "1/2", "1", "1"])
    header = ["curves", *(EXPONENTS[name].typeset for name in SHOWN)]
    return Table("The laws as nl.fit reads them", header, rows, numeric=(1, 2, 3, 4, 5))


def _exponents(name: str, curves: Curves) -> list[str]:
    from normlaws.errors import InputError
    from normlaws.laws import fit
    from normlaws.report.solved._any import SHOWN, bracketed

    try:
        laws = fit(curves, norm="frobenius", metric="test_error", resamples=200)
    except InputError:
        return [name, *["–"] * len(SHOWN)]
    return [name, *(bracketed(getattr(laws, one)) for one in SHOWN)]


def _optima(comparison: Comparison) -> Table:
    import numpy as np

    from normlaws.report import Table
    from normlaws.theory import FixedNormPerceptron, rule

    flip = comparison.flip_probability
    alpha = np.unique(comparison.rules["alpha"])
    best = FixedNormPerceptron(flip).optimum(alpha)
    bayes = rule("bayes", flip).generalization_error(alpha)
    rows = [
        [
            f"{a:g}",
            f"{norm:.4f}",
            f"{error:.6f}",
            f"{bound:.6f}",
            f"{100 * (error / bound - 1):.3f}",
        ]
        for a, norm, error, bound in zip(
            alpha, best.norm, best.generalization_error, bayes, strict=True
        )
    ]
    header = ["α", "optimal norm", "lowest ε", "Bayes", "above Bayes, %"]
    return Table("The optimal norm and Bayes' bound", header, rows, numeric=(1, 2, 3, 4))
