"""Linear random features as a study."""

from normlaws.theory.registry import SolvedStudy

STUDY = SolvedStudy(
    name="random-features",
    description="Linear random features: both laws exact, students under gradient flow beside.",
    norm="frobenius",
    metric="test_loss",
    module="normlaws.theory.random_features",
    runs="students",
)
