"""Model families: settings that build a network for given images and classes.

Adding a family is adding a file here, naming its class in :data:`ModelSettings`, and giving the
shared test suite one more line.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from normlaws.problems.models.cnn import CNN
from normlaws.problems.models.custom import CustomModel
from normlaws.problems.models.dense import MLP, Perceptron
from normlaws.problems.models.diagonal import Diagonal
from normlaws.problems.models.family import Family
from normlaws.problems.models.resnet import ResNet
from normlaws.problems.models.sequences import RNN, Transformer
from normlaws.problems.models.vit import ViT

ModelSettings = Annotated[
    Perceptron | MLP | CNN | ResNet | ViT | Diagonal | Transformer | RNN | CustomModel,
    Field(discriminator="family"),
]
"""Settings of any family, told apart by ``family``."""

FAMILIES: dict[str, type[Family]] = {
    kind.model_fields["family"].default: kind
    for kind in (Perceptron, MLP, CNN, ResNet, ViT, Diagonal, Transformer, RNN, CustomModel)
}
"""The classes by the name of their family."""

__all__ = [
    "CNN",
    "FAMILIES",
    "MLP",
    "RNN",
    "CustomModel",
    "Diagonal",
    "Family",
    "ModelSettings",
    "Perceptron",
    "ResNet",
    "Transformer",
    "ViT",
]
