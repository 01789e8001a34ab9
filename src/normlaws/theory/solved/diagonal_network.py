"""Diagonal networks as a study."""

from normlaws.theory.registry import SolvedStudy

STUDY = SolvedStudy(
    name="diagonal-network",
    description="Diagonal networks from the kernel to the rich regime; sample complexity.",
    norm="frobenius",
    metric="test_error",
    module="normlaws.theory.diagonal.study",
    runs="flow at scale 0.1",
)
