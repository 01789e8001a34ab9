"""The page's figures: a state, curves and laws in, a plotly figure out."""

from normlaws.explore.figures.against_size import error_against_size, norm_against_size
from normlaws.explore.figures.collapse import rescaled
from normlaws.explore.figures.curves import error_against_norm, error_against_step
from normlaws.explore.figures.model import model_figure
from normlaws.explore.figures.perceptron import perceptron

__all__ = [
    "error_against_norm",
    "error_against_size",
    "error_against_step",
    "model_figure",
    "norm_against_size",
    "perceptron",
    "rescaled",
]
