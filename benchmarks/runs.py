"""Runs of presets, shortened, for the benchmarks that train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from normlaws.studies import presets
from normlaws.training import RunSettings, train, train_stack


def run_of(name: str, largest: int) -> RunSettings:
    """The preset's run of the largest size up to ``largest``."""
    return max(presets()[name].runs(), key=lambda run: run.size if run.size <= largest else 0)


def changed(run: RunSettings, **training: Any) -> RunSettings:
    """With other settings of its training."""
    return run.model_copy(update={"training": run.training.model_copy(update=training)})


def seeds_of(run: RunSettings, number: int) -> list[RunSettings]:
    """The run with the seeds 0 … ``number`` - 1."""
    return [run.model_copy(update={"seed": seed}) for seed in range(number)]


def train_many(runs: Sequence[RunSettings], steps: int | None = None, stack: bool = True) -> None:
    """Train runs together or one after another, or only a few of their steps."""
    if steps is not None:
        runs = [changed(run, steps=steps) for run in runs]
    if stack:
        train_stack(runs)
    else:
        for run in runs:
            train(run)
