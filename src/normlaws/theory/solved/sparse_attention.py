"""Sparse attention as a study."""

from normlaws.theory.registry import SolvedStudy

STUDY = SolvedStudy(
    name="sparse-attention",
    description="Sparse attention on fresh data: a plateau, then emergence.",
    norm="frobenius",
    metric="test_loss",
    module="normlaws.theory.attention.study",
)
