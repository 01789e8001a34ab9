"""The gauges of a run, from its settings."""

from __future__ import annotations

from collections.abc import Callable

import torch

from normlaws.errors import InputError
from normlaws.gauges import Distance, EffectiveParameters, Gauge, RecurrentRanks, Telescope
from normlaws.problems import Examples
from normlaws.training.settings import RunSettings


def gauges_of(
    settings: RunSettings,
    train: Examples,
    test: Examples,
    optimizer: torch.optim.Optimizer,
    rate: Callable[[int], float],
) -> dict[str, Gauge]:
    """The gauges that the settings name, by their key.

    Args:
        settings: of the run.
        train: its training examples.
        test: the test examples that are scored; the first of them are the probes.
        optimizer: whose preconditioner the effective parameters use.
        rate: learning rate of a step, from 0.

    Raises:
        InputError: effective parameters of a run that they do not describe.
    """
    wanted = settings.gauges
    found: dict[str, Gauge] = {}
    if wanted is None:
        return found
    if wanted.distance:
        found["distance"] = Distance()
    if wanted.telescope:
        found["telescope"] = Telescope(test.first(wanted.telescope.probes).inputs)
    if wanted.effective_parameters:
        check_effective_parameters(settings)
        found["effective_parameters"] = EffectiveParameters(
            train.inputs,
            train.labels,
            test.first(wanted.effective_parameters.probes).inputs,
            rate=rate,
            optimizer=optimizer,
            directions=wanted.effective_parameters.directions,
        )
    if wanted.recurrent_ranks:
        found["recurrent_ranks"] = RecurrentRanks(
            test.first(wanted.recurrent_ranks.sequences).inputs
        )
    return found


def check_effective_parameters(settings: RunSettings) -> None:
    """Refuse runs whose steps are not linear in the labels.

    Raises:
        InputError: the loss is cross-entropy, the gradient is clipped, momentum is used, or
            examples are augmented.
    """
    if settings.training.loss != "squared":
        raise InputError(
            'expected training.loss = "squared" beside gauges.effective_parameters, which count '
            f"labels that outputs are linear in, got {settings.training.loss!r}"
        )
    optimizer = settings.optimizer
    if optimizer.clip_norm is not None or optimizer.momentum or settings.data.augment:
        raise InputError(
            "expected no clip_norm, no momentum and no augmentation beside "
            "gauges.effective_parameters, which follow plain steps on fixed examples, got "
            f"clip_norm={optimizer.clip_norm}, momentum={optimizer.momentum}, "
            f"augment={settings.data.augment}"
        )
