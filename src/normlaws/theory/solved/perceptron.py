"""The solvable perceptron as a study."""

from normlaws.theory.registry import SolvedStudy

STUDY = SolvedStudy(
    name="perceptron",
    description="The solvable perceptron: exact theory, students at fixed norm, descent from zero.",
    norm="frobenius",
    metric="test_error",
    module="normlaws.theory.perceptron",
    runs="descent",
)
