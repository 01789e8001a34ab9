"""Everything that determines a run's curve, and nothing that does not."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, field_validator, model_validator
from torch import nn

from normlaws.problems import DataSettings, ModelSettings
from normlaws.problems.settings import Settings, added
from normlaws.training import optimizers

Count = Annotated[int, Field(ge=1)]


class OptimizerSettings(Settings):
    """Optimiser and its constants, PyTorch's names and defaults; schedule and clipping."""

    name: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    momentum: float = Field(default=0.0, ge=0, lt=1, description="of sgd; Adam has its betas")
    schedule: Literal["constant", "cosine"] = "constant"
    warmup_steps: int = Field(default=0, ge=0, description="steps of linear growth of the rate")
    clip_norm: float | None = Field(
        default=None, gt=0, description="largest Euclidean norm of the gradient"
    )

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimiser over ``parameters``, in its fused form."""
        rate, decay = self.learning_rate, self.weight_decay
        if self.name == "sgd":
            return optimizers.SGD(
                parameters, lr=rate, weight_decay=decay, momentum=self.momentum, fused=True
            )
        kind = {"adam": optimizers.Adam, "adamw": optimizers.AdamW}[self.name]
        found: torch.optim.Optimizer = kind(parameters, lr=rate, weight_decay=decay, fused=True)
        return found


class TrainingSettings(Settings):
    """How long, in what batches and arithmetic, and how often the run is recorded."""

    steps: Count | None = Field(default=None, description="optimiser steps of every run; or")
    epochs: float | None = Field(default=None, gt=0, description="passes over its training set")
    batch_size: Count = 32
    loss: Literal["cross-entropy", "squared"] = added(
        "cross-entropy", description="squared: ½|f − y|², classes as one-hot targets"
    )
    records: int = Field(default=40, ge=2, description="log-spaced records after step 0")
    evaluation_share: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="largest share of the arithmetic that scoring may take; 1 scores everything",
    )
    precision: Literal["float32", "bf16"] = Field(
        default="float32", description="bf16: autocast; shifts the final norm by a per cent or two"
    )
    compile: bool = Field(default=False, description="torch.compile the training step's network")

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("steps or epochs must be given, and only one of them")
        return self

    def total_steps(self, size: int) -> int:
        """Optimiser steps of a run with ``size`` training examples."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return math.ceil(self.epochs * size / min(self.batch_size, size))


class TelescopeSettings(Settings):
    """Lazy error, telescope error and kernel change over test examples."""

    probes: Count = Field(default=64, description="test examples, the first that are scored")


class EffectiveParametersSettings(Settings):
    """Effective parameters over the run's training examples and over test examples."""

    probes: Count = Field(default=200, description="test examples, the first that are scored")
    directions: Count = Field(default=64, description="random labels where there are many examples")


class RecurrentRanksSettings(Settings):
    """Effective ranks of the recurrent gradient flow."""

    sequences: Count = Field(default=4, description="test examples, the first that are scored")


class GaugesSettings(Settings):
    """What is measured at every record beside errors, losses and norms."""

    distance: bool = Field(default=False, description="distance of the weights from their start")
    telescope: TelescopeSettings | None = None
    effective_parameters: EffectiveParametersSettings | None = None
    recurrent_ranks: RecurrentRanksSettings | None = None

    @field_validator("telescope", "effective_parameters", "recurrent_ranks", mode="before")
    @classmethod
    def _switched(cls, value: object) -> object:
        """``true`` stands for the defaults, ``false`` for none."""
        return ({} if value else None) if isinstance(value, bool) else value


class RunSettings(Settings):
    """One run: training-set size P and seed of a problem."""

    data: DataSettings
    model: ModelSettings
    optimizer: OptimizerSettings = OptimizerSettings()
    training: TrainingSettings
    gauges: GaugesSettings | None = added(None)
    size: Count
    seed: int = Field(ge=0)

    @field_validator("gauges")
    @classmethod
    def _none_where_all_are_off(cls, gauges: GaugesSettings | None) -> GaugesSettings | None:
        return None if gauges == GaugesSettings() else gauges

    @property
    def run_id(self) -> str:
        """Size and seed to read, then a hash of all settings.

        Settings of a later version count only where they differ from what was done before it.
        """
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return f"P{self.size}-s{self.seed}-{digest}"

    @property
    def steps(self) -> int:
        """Optimiser steps until the run is complete."""
        return self.training.total_steps(self.size)
