"""The whole comparison: theory, minimisation at fixed norm, descent from zero, and the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.curves import Curves
from normlaws.theory.perceptron.descent import Descent, descend
from normlaws.theory.perceptron.fixed_norm import FixedNormPerceptron
from normlaws.theory.perceptron.rules import rule
from normlaws.theory.perceptron.simulation import simulate

ALPHAS = (1.0, 2.0, 5.0, 10.0)
LINES = ("hebb", "gibbs", "bayes", "max-stability")


@dataclass(frozen=True)
class Comparison:
    """Theory beside finite students, at the same sizes.

    Attributes:
        theory: exact ε(λ), no seeds.
        fixed_norm: the loss minimised on spheres, over seeds.
        descent: trained from zero, over the same samples; rows are steps.
        rules: columns ``size``, ``alpha``, ``rule``, ``generalization_error``.
        dimension: N.
        flip_probability: η.
    """

    theory: Curves
    fixed_norm: Curves
    descent: Curves
    rules: pd.DataFrame
    dimension: int
    flip_probability: float

    def kinds(self) -> dict[str, Curves]:
        """The three kinds of curve, by title."""
        return {
            "theory": self.theory,
            "fixed norm": self.fixed_norm,
            "descent": self.descent,
        }

    @property
    def curves(self) -> Curves:
        """All curves in one; the runs' ``settings["training"]`` tells them apart."""
        return Curves.concat(self.kinds().values())


def study(
    alphas: Sequence[float] = ALPHAS,
    *,
    dimension: int = 200,
    samples: int = 8,
    norms: Sequence[float] | None = None,
    descent: Descent | None = None,
    flip_probability: float = 0.0,
) -> Comparison:
    """Compute everything that the preset ``perceptron`` shows; some ten seconds by default.

    Args:
        alphas: training examples per dimension.
        dimension: N of the simulations.
        samples: seeds per size.
        norms: λ of the simulations at fixed norm; eleven from 0.1 to 20 max(α) by default.
        descent: how students are trained from zero; by default normalised gradient descent,
            whose norm grows in proportion to time.
        flip_probability: η, of the training labels.

    Raises:
        InputError: a value is out of range.
    """
    path = np.geomspace(0.1, 20 * max(alphas), 11) if norms is None else np.asarray(norms)
    descent = descent or Descent("normalized-gd", learning_rate=0.1, steps=1000, records=50)
    theory = FixedNormPerceptron(flip_probability)
    line = np.geomspace(0.3 * path.min(), 2 * path.max(), 81)
    curves = theory.curves(alphas, line, dimension)
    return Comparison(
        theory=curves,
        fixed_norm=simulate(alphas, path, dimension, samples, flip_probability),
        descent=descend(alphas, descent, dimension, samples, flip_probability),
        rules=_rules(curves.sizes, dimension, flip_probability),
        dimension=dimension,
        flip_probability=theory.flip_probability,
    )


def _rules(sizes: list[int], dimension: int, flip: float) -> pd.DataFrame:
    alphas = np.array(sizes) / dimension
    tables = [
        pd.DataFrame(
            {
                "size": sizes,
                "alpha": alphas,
                "rule": name,
                "generalization_error": rule(name, flip).generalization_error(alphas),
            }
        )
        for name in LINES
    ]
    return pd.concat(tables, ignore_index=True)
