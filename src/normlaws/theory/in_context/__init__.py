"""In-context linear regression by softmax attention (arXiv 2503.12734)."""

from normlaws.theory.in_context.model import (
    Debiased,
    InContextFlow,
    InContextRegression,
    SingleHead,
)
from normlaws.theory.in_context.simulation import sample_debiased, sample_risk

__all__ = [
    "Debiased",
    "InContextFlow",
    "InContextRegression",
    "SingleHead",
    "sample_debiased",
    "sample_risk",
]
