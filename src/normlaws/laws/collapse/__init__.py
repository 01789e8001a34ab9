"""Normalised curves of a ladder along any axis: do they collapse, and what follows from it."""

from normlaws.laws.collapse.ahead import SizeForecast
from normlaws.laws.collapse.comparison import collapse
from normlaws.laws.collapse.exponent import HorizonExponent
from normlaws.laws.collapse.finish import Finish
from normlaws.laws.collapse.frontier import Frontier
from normlaws.laws.collapse.noise_correction import NoiseCorrection, noise_correction
from normlaws.laws.collapse.planted import plant_ladder
from normlaws.laws.collapse.residuals import Residuals
from normlaws.laws.collapse.result import Collapse

__all__ = [
    "Collapse",
    "Finish",
    "Frontier",
    "HorizonExponent",
    "NoiseCorrection",
    "Residuals",
    "SizeForecast",
    "collapse",
    "noise_correction",
    "plant_ladder",
]
