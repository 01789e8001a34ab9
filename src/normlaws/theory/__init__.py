"""Solvable models: parameters -> exact values and curves."""

from normlaws.theory.perceptron.comparison import Comparison, study
from normlaws.theory.perceptron.descent import Descent, descend
from normlaws.theory.perceptron.fixed_norm import FixedNormPerceptron, Optimum, Solution
from normlaws.theory.perceptron.rules import RULES, Rule, rule
from normlaws.theory.perceptron.simulation import simulate
from normlaws.theory.random_features import RandomFeatures, simulate_features

__all__ = [
    "RULES",
    "Comparison",
    "Descent",
    "FixedNormPerceptron",
    "Optimum",
    "RandomFeatures",
    "Rule",
    "Solution",
    "descend",
    "rule",
    "simulate",
    "simulate_features",
    "study",
]
