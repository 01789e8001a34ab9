"""What is trained: data sets and model families, sized and seeded."""

from normlaws.extras import needed

with needed("a study that trains networks", "torch"):
    from normlaws.problems.augmentation import augmented
    from normlaws.problems.datasets import (
        DATA_SETS,
        Augmentation,
        DataSet,
        DataSettings,
        DataSource,
        data_root,
        load_data_set,
    )
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
    "Augmentation",
    "CustomModel",
    "DataSet",
    "DataSettings",
    "DataSource",
    "Examples",
    "ModelSettings",
    "Perceptron",
    "ResNet",
    "Splits",
    "ViT",
    "augmented",
    "data_root",
    "load_data_set",
    "split",
]
