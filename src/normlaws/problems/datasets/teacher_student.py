"""Gaussian inputs labelled by a random network: the solvable setting, at finite size."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.datasets.settings import DataSource
from normlaws.problems.settings import added

Count = Annotated[int, Field(ge=1)]


class TeacherStudent(DataSource):
    """x ~ N(0, Λ), label = the largest of the teacher's outputs; inputs stay as they are.

    Λ is diagonal with Λ_ii ∝ i^−spectrum and mean 1; inputs are white where it is 0. The teacher is
    linear, and with two classes then the perceptron y = sign(w*·x) of the theory; or it has hidden
    ReLU layers. Its weights are N(0, 1 / fan in), its biases 0.
    """

    name: Literal["teacher-student"] = "teacher-student"
    dimension: Count = Field(default=100, description="N, the number of inputs")
    pool: Count = Field(default=20_000, description="examples for training and validation")
    test: Count = Field(default=10_000, description="test examples")
    classes: int = Field(default=2, ge=2)
    hidden: tuple[Count, ...] = Field(default=(), description="widths of the teacher's layers")
    teacher_seed: int = Field(default=0, ge=0, description="of teacher and inputs")
    spectrum: float = added(0.0, ge=0, description="the inputs' variances fall as i^-spectrum")
    augment: None = None

    def load(self, root: Path) -> DataSet:
        """Draw teacher and examples; needs no file."""
        generator = torch.Generator().manual_seed(self.teacher_seed)
        teacher = self.teacher(generator)
        inputs = torch.randn(self.pool + self.test, self.dimension, generator=generator)
        inputs *= self.scales()
        labels = _outputs(teacher, inputs).argmax(dim=1)
        images = inputs[:, None, None, :]  # (n, 1, 1, N)
        parts = (slice(None, self.pool), slice(self.pool, None))
        (pool, pool_labels), (test, test_labels) = ((images[part], labels[part]) for part in parts)
        return DataSet(
            self.name, pool, pool_labels, test, test_labels, self.classes, mean=(0.0,), std=(1.0,)
        )

    def scales(self) -> Tensor:
        """Standard deviation of each input, (N,); their squares have mean 1."""
        variances = torch.arange(1, self.dimension + 1, dtype=torch.float64) ** -self.spectrum
        return (variances / variances.mean()).sqrt().float()

    def teacher(self, generator: torch.Generator) -> list[Tensor]:
        """Weights (outputs, inputs) of every layer, drawn from ``generator``."""
        widths = (self.dimension, *self.hidden, self.classes)
        return [
            torch.randn(outputs, inputs, generator=generator) / inputs**0.5
            for inputs, outputs in pairwise(widths)
        ]


def _outputs(teacher: list[Tensor], inputs: Tensor) -> Tensor:
    for weight in teacher[:-1]:
        inputs = (inputs @ weight.T).relu()
    return inputs @ teacher[-1].T
