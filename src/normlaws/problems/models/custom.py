"""A model of the user's own."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from torch import nn

from normlaws.errors import InputError
from normlaws.problems.factory import FACTORY_PATTERN, call_factory
from normlaws.problems.models.family import Family, Shape


class CustomModel(Family):
    """Whatever ``module:factory`` returns for (image_shape, classes, **options).

    Building it imports and runs that module: a study file that names a factory is a request to run
    the user's code, and the only one there is. Reading curves or study files never imports it.
    ``init_scale`` multiplies every parameter.
    """

    family: Literal["custom"] = "custom"
    factory: str = Field(pattern=FACTORY_PATTERN, description="package.module:function")
    options: dict[str, Any] = Field(default={}, description="keyword arguments of the factory")

    @property
    def stochastic(self) -> bool:
        """Assumed, as nothing is known of it."""
        return True

    def _network(self, image_shape: Shape, classes: int) -> nn.Module:
        model = call_factory(self.factory, image_shape, classes, **self.options)
        if not isinstance(model, nn.Module):
            raise InputError(
                f"expected {self.factory} to return a torch.nn.Module, got {type(model).__name__}"
            )
        return model
