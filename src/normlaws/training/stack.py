"""Runs of equal shape trained together in one program."""

from __future__ import annotations

import json
from collections.abc import Sequence

import torch
from torch import Tensor

from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.problems import DataSet, data_root
from normlaws.storage.folder import RunFolder
from normlaws.training.checkpoint import lay_out_like_parameters
from normlaws.training.execution import Execution
from normlaws.training.loop import Loop
from normlaws.training.losses import summed_loss
from normlaws.training.memory import memory_explained
from normlaws.training.replica import Replica
from normlaws.training.run import Alone
from normlaws.training.settings import RunSettings
from normlaws.training.stacked import FAMILIES, StackedNetwork

AHEAD = 32  # steps whose examples are looked up at once
FREE = {"model": {"init_scale"}, "optimizer": {"learning_rate", "weight_decay"}}


def stack_key(settings: RunSettings) -> str | None:
    """Equal for runs that can be trained together; ``None`` for one that cannot be stacked.

    Runs of a stack may differ in seed, initialisation scale, learning rate and weight decay, and in
    size where that changes neither the number of steps nor the batch size.
    """
    training = settings.training
    if settings.model.family not in FAMILIES or settings.model.stochastic:
        return None
    if training.compile or training.precision != "float32":
        return None
    values = settings.model_dump(mode="json", exclude={"seed", "size", "training", *FREE})
    for part, free in FREE.items():
        values[part] = getattr(settings, part).model_dump(mode="json", exclude=free)
    values["steps"] = settings.steps, training.records
    values["loss"] = training.loss
    values["batch"] = min(training.batch_size, settings.size)
    return json.dumps(values, sort_keys=True)


def train_stack(
    settings: Sequence[RunSettings],
    folders: Sequence[RunFolder | None] | None = None,
    execution: Execution | None = None,
    data: DataSet | None = None,
) -> Curves:
    """Train several runs together, each with its own examples, weights, norms and records.

    A run's curve is that of :func:`normlaws.training.train` up to the rounding of its arithmetic
    (``docs/training.md`` says how far). Checkpoints are those of single runs, so that a run goes on
    alone or in any stack. Runs behind the others catch up first; one that diverges leaves the
    stack; ``seconds`` of a run is its share of the time.

    Args:
        settings: of the runs; all of the same :func:`stack_key`.
        folders: where each run is written; by default kept in memory only.
        execution: device, data folder, checkpoints.
        data: the data set, where the caller has it in memory already.

    Returns:
        The curves of the runs, in their order; statuses as of :func:`normlaws.training.train`.

    Raises:
        InputError: the runs cannot be trained together, do not fit the data, or into memory.
        DataNotFoundError: the data set is not there.
    """
    execution = execution or Execution()
    _check(settings)
    data = data or settings[0].data.load(data_root(execution.data_root))
    with torch.random.fork_rng(devices=[]), memory_explained(settings[0], execution.device):
        places = folders or [None] * len(settings)
        replicas = [
            Replica(run, folder, execution, data)
            for run, folder in zip(settings, places, strict=True)
        ]
        _work(replicas, execution)
        for replica in replicas:
            replica.save()
    return Curves.concat([replica.curves() for replica in replicas])


def _check(settings: Sequence[RunSettings]) -> None:
    keys = {stack_key(run) for run in settings}
    if len(keys) != 1 or None in keys:
        raise InputError(
            "expected runs that differ in nothing but seed, initialisation scale, learning rate, "
            f"weight decay, or size at equal steps, float32, without dropout, of the families "
            f"{', '.join(FAMILIES)}, got {', '.join(run.run_id for run in settings) or 'none'}"
        )


def _work(replicas: Sequence[Replica], execution: Execution) -> None:
    """Advance those that are furthest behind until all have ended."""
    while under_way := [replica for replica in replicas if replica.unfinished]:
        steps = sorted({replica.step for replica in under_way})
        behind = [replica for replica in under_way if replica.step == steps[0]]
        until = steps[1] if len(steps) > 1 else None
        together = Stack(behind) if len(behind) > 1 else Alone(behind[0])
        if not Loop(behind, together.advance, execution).work(until):
            return
        for replica in behind:
            if not replica.unfinished:
                replica.save()


class Stack:
    """The training step of runs that are at the same step."""

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self._replicas = replicas
        self._network = StackedNetwork([replica.model for replica in replicas]).train()
        self._parameters = list(self._network.parameters())
        self._batches = _Batches(replicas)
        for replica in replicas:
            replica.companions = len(replicas)
            lay_out_like_parameters(replica.optimizer)
        self._optimizer, self._shared = self._common_optimizer(), False

    def advance(self) -> None:
        """One optimiser step of every run."""
        inputs, labels = self._batches()
        name = self._replicas[0].settings.training.loss
        loss = summed_loss(name, self._network(inputs), labels) / inputs.shape[1]
        for parameter in self._parameters:
            parameter.grad = None
        loss.backward()
        self._descend()
        for replica in self._replicas:
            replica.step += 1

    def _common_optimizer(self) -> torch.optim.Optimizer | None:
        """One over all runs where it does the same to each, with the state that they have."""
        chosen = [replica.settings.optimizer for replica in self._replicas]
        if chosen[0].clip_norm is not None or len(set(chosen)) > 1:
            return None
        optimizer = chosen[0].build(self._parameters)
        parts = zip(*(replica.parameters for replica in self._replicas), strict=True)
        for parameter, own in zip(self._parameters, parts, strict=True):
            states = [
                replica.optimizer.state.get(part, {})
                for replica, part in zip(self._replicas, own, strict=True)
            ]
            for name, value in states[0].items():
                whole = torch.stack([state[name] for state in states]) if value.ndim else value
                optimizer.state[parameter][name] = whole.clone()
        return optimizer

    def _descend(self) -> None:
        if self._optimizer is None:
            for index, replica in enumerate(self._replicas):
                for whole, own in zip(self._parameters, replica.parameters, strict=True):
                    own.grad = None if whole.grad is None else whole.grad[index]
                replica.descend()
            return
        for group in self._optimizer.param_groups:
            group["lr"] = self._replicas[0].rate
        self._optimizer.step()
        if not self._shared:
            self._share_state(self._optimizer)

    def _share_state(self, optimizer: torch.optim.Optimizer) -> None:
        """Let every run's own optimiser see its part, so that the run can be saved at any step."""
        for index, replica in enumerate(self._replicas):
            for whole, own in zip(self._parameters, replica.parameters, strict=True):
                state = optimizer.state[whole].items()
                replica.optimizer.state[own] = {
                    name: value[index] if value.ndim else value
                    for name, value in state
                    if isinstance(value, Tensor)
                }
        self._shared = True


class _Batches:
    """Inputs (replicas, batch, channels, height, width), labels (replicas, batch, …) of a step."""

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self._replicas = replicas
        self._augmented = replicas[0].settings.data.augment is not None
        if self._augmented:
            return
        sizes = [len(replica.train) for replica in replicas]
        self._ahead: dict[int, Tensor] = {}
        self._starts = [sum(sizes[:index]) for index in range(len(sizes))]
        self._images = torch.cat([replica.train.images for replica in replicas])
        self._labels = torch.cat([replica.train.labels for replica in replicas])
        parts = zip(self._images.split(sizes), self._labels.split(sizes), strict=True)
        for replica, (images, labels) in zip(replicas, parts, strict=True):
            replica.hold(images, labels)

    def __call__(self) -> tuple[Tensor, Tensor]:
        """Every run's own examples, in its own order."""
        if self._augmented:
            batches = [replica.batch() for replica in self._replicas]
            inputs, labels = zip(*batches, strict=True)
            return torch.stack(inputs), torch.stack(labels)
        index = self._index(self._replicas[0].step)
        images = self._replicas[0].train.normalised(self._images[index])
        by_run = len(self._replicas), -1
        return images.unflatten(0, by_run), self._labels[index].unflatten(0, by_run)

    def _index(self, step: int) -> Tensor:
        """Where the examples of a step are, (replicas * batch,); looked up for many steps ahead."""
        if step not in self._ahead:
            pairs = zip(self._replicas, self._starts, strict=True)
            orders = [replica.order(step, AHEAD) + start for replica, start in pairs]
            index = torch.stack([order.view(AHEAD, -1) for order in orders], dim=1).flatten(1)
            steps = range(step, step + AHEAD)
            self._ahead = dict(zip(steps, index.to(self._images.device), strict=True))
        return self._ahead[step]
