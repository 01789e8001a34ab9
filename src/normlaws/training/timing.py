"""A training step by itself, to be timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from normlaws.problems import DataSet
from normlaws.training.execution import Execution
from normlaws.training.replica import Replica
from normlaws.training.run import Alone
from normlaws.training.settings import RunSettings
from normlaws.training.stack import Stack


def stepper(
    settings: Sequence[RunSettings], data: DataSet, device: str = "cpu"
) -> Callable[[], None]:
    """What takes one optimiser step of the run, or of the runs together, and records nothing."""
    replicas = [Replica(run, None, Execution(device), data) for run in settings]
    together = Stack(replicas) if len(replicas) > 1 else Alone(replicas[0])
    return together.advance
