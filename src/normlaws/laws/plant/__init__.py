"""Synthetic studies whose exponents are known: what every estimator is tested against.

``plant`` makes studies of the crossover model that the joint fit also uses; ``draw`` makes studies
of families whose curves take other forms, with chance plateaus, knees, a test set that all runs
share, drifting errors and runs of unequal length, and families in which the laws do not hold.
"""

from normlaws.laws.plant.families import FAMILIES, Family, Study, draw
from normlaws.laws.plant.observed import Observed, observe
from normlaws.laws.plant.planted import SIZES, Planted, plant

__all__ = [
    "FAMILIES",
    "SIZES",
    "Family",
    "Observed",
    "Planted",
    "Study",
    "draw",
    "observe",
    "plant",
]
