"""In-context regression as a study."""

from normlaws.theory.registry import SolvedStudy

STUDY = SolvedStudy(
    name="in-context",
    description="In-context linear regression by softmax heads",
    norm="frobenius",
    metric=" flow, limits and Monte Carlo.:test_loss",
    module="normlaws.theory.in_context.study",
)
