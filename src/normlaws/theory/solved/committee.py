"""Soft committees in one pass as a study."""

from normlaws.theory.registry import SolvedStudy

STUDY = SolvedStudy(
    name="committee",
    description="Soft committees on power-law inputs: one pass over fresh examples, no optimum.",
    norm="frobenius",
    metric="test_loss",
    module="normlaws.theory.committee",
    runs="theory",
)
