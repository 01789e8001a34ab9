"""One point of the perceptron, as ``normlaws theory`` prints it."""

from __future__ import annotations

import math
import warnings

from normlaws.errors import InputError, NormlawsWarning, allowed
from normlaws.theory.perceptron.fixed_norm import FixedNormPerceptron
from normlaws.theory.perceptron.rules import RULES
from normlaws.theory.perceptron.rules import rule as named

FIXED_NORM = "fixed-norm"


def values(
    alpha: float | None = None,
    norm: float | None = None,
    rule: str = FIXED_NORM,
    flip_probability: float = 0.0,
) -> dict[str, float | str | None]:
    """Error and overlap of one student.

    Args:
        alpha: training examples per input dimension, P/N.
        norm: λ of the student; needed by the rule ``"fixed-norm"``.
        rule: ``"fixed-norm"`` or one of ``theory.RULES``.
        flip_probability: η, that a training label is wrong.

    Raises:
        InputError: a value is missing or out of range, there is no such rule, or the rule has no
            solution there that double precision carries.
    """
    if rule != FIXED_NORM and rule not in RULES:
        raise InputError(f"expected the rule to be {allowed([FIXED_NORM, *RULES])}, got {rule!r}")
    if alpha is None or (rule == FIXED_NORM and norm is None):
        raise InputError(
            "expected --alpha, and --norm for the rule fixed-norm; "
            "or --report FILE.html for the whole comparison"
        )
    error, overlap = _evaluate(alpha, norm, rule, flip_probability)
    if math.isnan(error):
        raise InputError(
            f"expected a point that the rule {rule} can solve, got alpha {alpha:g}"
            + (f", norm {norm:g}" if norm is not None else "")
            + f", flip {flip_probability:g}; it is beyond double precision, or its labels cannot "
            "be separated"
        )
    return {
        "alpha": alpha,
        "norm": norm,
        "rule": rule,
        "generalization_error": error,
        "overlap": overlap,
    }


def _evaluate(alpha: float, norm: float | None, rule: str, flip: float) -> tuple[float, float]:
    if rule != FIXED_NORM or norm is None:
        solved = named(rule, flip)
        return float(solved.generalization_error(alpha)), float(solved.overlap(alpha))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NormlawsWarning)  # said by the error instead
        solution = FixedNormPerceptron(flip).solve(alpha, norm)
    return float(solution.generalization_error), float(solution.overlap)
