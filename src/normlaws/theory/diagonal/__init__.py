"""Diagonal networks: the kernel and the rich regime, and everything between (arXiv 2002.09277)."""

from normlaws.theory.diagonal.experiment import sample_complexity
from normlaws.theory.diagonal.network import DiagonalLimit, DiagonalNetwork
from normlaws.theory.diagonal.simulation import descend_diagonal

__all__ = ["DiagonalLimit", "DiagonalNetwork", "descend_diagonal", "sample_complexity"]
