"""What is trained: data sets and model families, sized and seeded."""

from normlaws.problems.datasets import DATA_SETS, DataSet, load_data_set
from normlaws.problems.models import (
    CNN,
    FAMILIES,
    MLP,
    CustomModel,
    ModelSettings,
    Perceptron,
    ResNet,
    ViT,
)
from normlaws.problems.splits import Examples, Splits, split

__all__ = [
    "CNN",
    "DATA_SETS",
    "FAMILIES",
    "MLP",
    "CustomModel",
    "DataSet",
    "Examples",
    "ModelSettings",
    "Perceptron",
    "ResNet",
    "Splits",
    "ViT",
    "load_data_set",
    "split",
]
