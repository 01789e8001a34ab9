"""Solvable models: parameters -> exact values and curves.

Names are imported when they are first used, so that the registry can be read without scipy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normlaws.lazy import lazy_names

if TYPE_CHECKING:
    from normlaws.theory.attention import AttentionFlow, SparseAttention, simulate_attention
    from normlaws.theory.committee import SoftCommittee, simulate_committee
    from normlaws.theory.diagonal import (
        DiagonalLimit,
        DiagonalNetwork,
        descend_diagonal,
        sample_complexity,
    )
    from normlaws.theory.in_context import (
        InContextFlow,
        InContextRegression,
        sample_debiased,
        sample_risk,
    )
    from normlaws.theory.perceptron.comparison import Comparison, study
    from normlaws.theory.perceptron.descent import Descent, descend
    from normlaws.theory.perceptron.fixed_norm import FixedNormPerceptron, Optimum, Solution
    from normlaws.theory.perceptron.rules import RULES, Rule, rule
    from normlaws.theory.perceptron.simulation import simulate
    from normlaws.theory.random_features import RandomFeatures, simulate_features
    from normlaws.theory.registry import SolvedStudy, solved_studies, solved_study

_HOMES = {
    "attention": ("AttentionFlow", "SparseAttention", "simulate_attention"),
    "committee": ("SoftCommittee", "simulate_committee"),
    "diagonal": ("DiagonalLimit", "DiagonalNetwork", "descend_diagonal", "sample_complexity"),
    "in_context": ("InContextFlow", "InContextRegression", "sample_debiased", "sample_risk"),
    "perceptron.comparison": ("Comparison", "study"),
    "perceptron.descent": ("Descent", "descend"),
    "perceptron.fixed_norm": ("FixedNormPerceptron", "Optimum", "Solution"),
    "perceptron.rules": ("RULES", "Rule", "rule"),
    "perceptron.simulation": ("simulate",),
    "random_features": ("RandomFeatures", "simulate_features"),
    "registry": ("SolvedStudy", "solved_studies", "solved_study"),
}

__all__ = [
    "RULES",
    "AttentionFlow",
    "Comparison",
    "Descent",
    "DiagonalLimit",
    "DiagonalNetwork",
    "FixedNormPerceptron",
    "InContextFlow",
    "InContextRegression",
    "Optimum",
    "RandomFeatures",
    "Rule",
    "SoftCommittee",
    "Solution",
    "SolvedStudy",
    "SparseAttention",
    "descend",
    "descend_diagonal",
    "rule",
    "sample_complexity",
    "sample_debiased",
    "sample_risk",
    "simulate",
    "simulate_attention",
    "simulate_committee",
    "simulate_features",
    "solved_studies",
    "solved_study",
    "study",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
