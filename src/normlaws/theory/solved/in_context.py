"""In-context regression as a study."""

from normlaws.theory.registry import SolvedStudy

STUDY = SolvedStudy(
    name="in-context",
    description="In-context linear regression by softmax heads: flow, limits and Monte Carlo.",
    norm="frobenius",
    metric="test_loss",
    module="normlaws.theory.in_context.study",
)
