"""Solvable models: parameters -> exact values and curves."""

from normlaws.theory.comparison import Comparison, study
from normlaws.theory.descent import Descent, descend
from normlaws.theory.perceptron import FixedNormPerceptron, Optimum, Solution
from normlaws.theory.rules import RULES, Rule, rule
from normlaws.theory.simulation import simulate

__all__ = [
    "RULES",
    "Comparison",
    "Descent",
    "FixedNormPerceptron",
    "Optimum",
    "Rule",
    "Solution",
    "descend",
    "rule",
    "simulate",
    "study",
]
