"""What is trained: data sets and model families, sized and seeded."""

from normlaws.problems.datasets import DATA_SETS, DataSet, load_data_set
from normlaws.problems.models import CNN, MLP, ModelSettings, Perceptron
from normlaws.problems.splits import Examples, Splits, split

__all__ = [
    "CNN",
    "DATA_SETS",
    "MLP",
    "DataSet",
    "Examples",
    "ModelSettings",
    "Perceptron",
    "Splits",
    "load_data_set",
    "split",
]
