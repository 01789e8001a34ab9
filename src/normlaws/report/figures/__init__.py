"""Figures of a study: each takes curves or laws and returns matplotlib axes.

Every function draws on ``ax`` where one is given and on a new figure (``ax.figure``) otherwise.
"""

from normlaws.report.figures.against_norm import error_against_norm, laws_overview
from normlaws.report.figures.against_size import error_against_size, norm_against_size
from normlaws.report.figures.against_step import losses_against_step, norm_against_step
from normlaws.report.figures.collapse import collapse_by_exponents, collapse_by_optimum
from normlaws.report.figures.crossover import crossover_fit
from normlaws.report.figures.direct import direct_laws
from normlaws.report.figures.layers import layer_norms

__all__ = [
    "collapse_by_exponents",
    "collapse_by_optimum",
    "crossover_fit",
    "direct_laws",
    "error_against_norm",
    "error_against_size",
    "laws_overview",
    "layer_norms",
    "losses_against_step",
    "norm_against_size",
    "norm_against_step",
]
