"""Train one run and record its curve."""

from __future__ import annotations

import torch

from normlaws.curves import Curves
from normlaws.problems import DataSet, data_root
from normlaws.storage.folder import RunFolder
from normlaws.training.execution import Execution
from normlaws.training.loop import Loop
from normlaws.training.losses import mean_loss
from normlaws.training.memory import memory_explained
from normlaws.training.replica import Replica
from normlaws.training.schedule import step_seed
from normlaws.training.settings import RunSettings


def train(
    settings: RunSettings,
    folder: RunFolder | None = None,
    execution: Execution | None = None,
    data: DataSet | None = None,
) -> Curves:
    """Train one run from its settings, or finish one that was interrupted.

    Args:
        settings: what to train.
        folder: where record, curve and checkpoint are written; by default kept in memory only.
        execution: device, data folder, checkpoints.
        data: the data set, where the caller has it in memory already.

    Returns:
        The curve of one run. Its status is ``complete``; ``diverged`` where a loss became NaN or
        infinite (the last row then holds NaN); or ``unfinished`` where it was asked to stop.

    Raises:
        InputError: the settings do not fit the data, or the run does not fit into memory.
        DataNotFoundError: the data set is not there.
    """
    execution = execution or Execution()
    data = data or settings.data.load(data_root(execution.data_root))
    with torch.random.fork_rng(devices=[]), memory_explained(settings, execution.device):
        replica = Replica(settings, folder, execution, data)
        Loop([replica], Alone(replica).advance, execution).work()
        replica.save()
    return replica.curves()


class Alone:
    """The training step of a run by itself."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        compiled = replica.settings.training.compile
        self._forward = torch.compile(replica.model) if compiled else replica.model
        replica.companions = 1
        replica.model.train()

    def advance(self) -> None:
        """One optimiser step."""
        replica = self._replica
        inputs, labels = replica.batch()
        if replica.settings.model.stochastic:
            torch.manual_seed(step_seed(replica.settings.seed, replica.step))
        with replica.arithmetic:
            loss = mean_loss(replica.settings.training.loss, self._forward(inputs), labels)
        for parameter in replica.parameters:  # what zero_grad does, without its bookkeeping
            parameter.grad = None
        loss.backward()
        replica.descend()
        replica.step += 1
