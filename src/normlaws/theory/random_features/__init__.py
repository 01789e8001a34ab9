"""Linear random features under gradient flow: both laws hold exactly (arXiv 2402.01092)."""

from normlaws.theory.random_features.comparison import study, values
from normlaws.theory.random_features.model import RandomFeatures
from normlaws.theory.random_features.results import (
    EnsembleLoss,
    FeatureLaws,
    FeatureLimit,
    FeatureOptimum,
    FeatureSolution,
    Frontier,
)
from normlaws.theory.random_features.simulation import simulate_features

__all__ = [
    "EnsembleLoss",
    "FeatureLaws",
    "FeatureLimit",
    "FeatureOptimum",
    "FeatureSolution",
    "Frontier",
    "RandomFeatures",
    "simulate_features",
    "study",
    "values",
]
