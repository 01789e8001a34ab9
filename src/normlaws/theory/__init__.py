"""Solvable models: parameters -> exact values and curves."""

from normlaws.theory.perceptron import FixedNormPerceptron, Optimum, Solution

__all__ = ["FixedNormPerceptron", "Optimum", "Solution"]
