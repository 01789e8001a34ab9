"""A loss as a function of several variables: families of laws, fits, optima."""

from normlaws.laws.surfaces.families import FAMILIES, Family
from normlaws.laws.surfaces.fitting import surface
from normlaws.laws.surfaces.result import Optimum, Surface

__all__ = ["FAMILIES", "Family", "Optimum", "Surface", "surface"]
