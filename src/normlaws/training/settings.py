"""Everything that determines a run's curve, and nothing that does not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from normlaws.problems import ModelSettings

Count = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """Base: misspelt keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSettings(Settings):
    """Which data, how much is held out, how much of each split is scored at a record."""

    name: str
    validation: Count = Field(description="examples held out of the pool to select the optimum")
    split_seed: int = Field(default=0, description="of the validation split")
    scored_train: Count | None = Field(default=None, description="first training examples scored")
    scored_test: Count | None = Field(default=None, description="first test examples scored")


class OptimizerSettings(Settings):
    """Optimiser and its constants, PyTorch's names and defaults."""

    name: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    momentum: float = Field(default=0.0, ge=0, lt=1, description="of sgd; Adam has its betas")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimiser over ``parameters``, in its fused form."""
        rate, decay = self.learning_rate, self.weight_decay
        if self.name == "sgd":
            return torch.optim.SGD(
                parameters, lr=rate, weight_decay=decay, momentum=self.momentum, fused=True
            )
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.name]
        return kind(parameters, lr=rate, weight_decay=decay, fused=True)


class TrainingSettings(Settings):
    """How long, in what batches, and how often the run is recorded."""

    steps: Count
    batch_size: Count = 32
    records: int = Field(default=40, ge=2, description="log-spaced records after step 0")


class RunSettings(Settings):
    """One run: training-set size P and seed of a problem."""

    data: DataSettings
    model: ModelSettings
    optimizer: OptimizerSettings = OptimizerSettings()
    training: TrainingSettings
    size: Count
    seed: int = Field(ge=0)

    @property
    def run_id(self) -> str:
        """Size and seed to read, then a hash of all settings."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return f"P{self.size}-s{self.seed}-{digest}"
