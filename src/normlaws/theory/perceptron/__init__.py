"""The solvable perceptron."""

from normlaws.theory.perceptron.comparison import study
from normlaws.theory.perceptron.point import values

__all__ = ["study", "values"]
