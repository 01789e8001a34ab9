"""Sparse attention as a study."""

from normlaws.theory.registry import SolvedStudy

STUDY = SolvedStudy(
    name="sparse-attention",
    description="Sparse attention on fresh data",
    norm="frobenius",
    metric=" a plateau, then emergence; the flow and training beside it.:test_loss",
    module="normlaws.theory.attention.study",
)
