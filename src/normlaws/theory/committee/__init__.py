"""Soft committee machines on power-law inputs, one pass (arXiv 2410.09005)."""

from normlaws.theory.committee.comparison import study, values
from normlaws.theory.committee.model import SoftCommittee
from normlaws.theory.committee.results import CommitteeLaws, CommitteeSolution
from normlaws.theory.committee.simulation import simulate_committee

__all__ = [
    "CommitteeLaws",
    "CommitteeSolution",
    "SoftCommittee",
    "simulate_committee",
    "study",
    "values",
]
