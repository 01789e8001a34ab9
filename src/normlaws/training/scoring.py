"""Which examples a run is scored on at its records: as many as its length allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from normlaws.problems import DataSet, Examples, split
from normlaws.training.schedule import log_spaced_steps
from normlaws.training.settings import RunSettings

NORMALISED_BYTES = 2**28  # a split up to this size is normalised once instead of batch by batch
FEWEST = 400  # examples of a split; smaller splits are scored whole
TRAINING_COST = 2.7  # scored images that an image of a training step costs; 3 by arithmetic alone
QUARTER = 0.25  # of the scored examples are training and validation examples, each; the rest test
READ = 10_000  # test examples of MNIST and CIFAR
UNLIMITED = 2**62

Scored = tuple[Examples, Examples, Examples]


def scored_splits(settings: RunSettings, data: DataSet, device: str) -> tuple[Examples, Scored]:
    """The training examples of a run, and those of each split that it is scored on."""
    found = split(
        data,
        size=settings.size,
        validation=settings.data.validation,
        seed=settings.seed,
        split_seed=settings.data.split_seed,
        label_noise=settings.data.label_noise,
        device=device,
    )
    train = found.train
    if settings.data.augment is None:
        train = train.kept_normalised(NORMALISED_BYTES)
    numbers = scored_numbers(settings, len(found.validation), len(found.test))
    validation = _drawn(found.validation, numbers["validation"], settings.seed)
    if settings.data.scored_test:
        test = found.test.first(numbers["test"])
    else:
        test = _drawn(found.test, numbers["test"], settings.seed)
    return train, (
        train.first(numbers["train"]),
        validation.kept_normalised(NORMALISED_BYTES),
        test.kept_normalised(NORMALISED_BYTES),
    )


def scored_numbers(settings: RunSettings, validation: int, test: int) -> dict[str, int]:
    """Examples of each split that are scored at every record of the run.

    What the settings name is taken as it is. The others are cut, to no fewer than 400, so that all
    records together cost at most ``training.evaluation_share`` of the run's forward and backward
    passes. They follow from the settings alone, and are the same at every record of a run.
    """
    named_train, named_test = settings.data.scored_train, settings.data.scored_test
    budget = _examples_a_record(settings)
    train = min(settings.size, named_train or max(FEWEST, int(QUARTER * budget)))
    held_out = min(validation, max(FEWEST, int(QUARTER * budget)))
    rest = int(budget) - (0 if named_train else train) - held_out
    tested = min(test, named_test or max(FEWEST, rest))
    return {"train": train, "validation": held_out, "test": tested}


def scored_test_examples(runs: Sequence[RunSettings]) -> int | None:
    """Test examples at the records of the run that scores fewest, all runs on the same data.

    None where only the data tell: they are read, and the settings would score as many as MNIST and
    CIFAR hold.
    """
    drawn = getattr(runs[0].data, "test", None)  # a number where data are drawn, else their place
    there = drawn if isinstance(drawn, int) else READ
    fewest = min(scored_numbers(run, run.data.validation, there)["test"] for run in runs)
    return None if fewest == READ and there is not drawn else fewest


def _examples_a_record(settings: RunSettings) -> float:
    training, share = settings.training, settings.training.evaluation_share
    if share == 1:
        return UNLIMITED
    images = settings.steps * min(training.batch_size, settings.size)
    records = len(log_spaced_steps(settings.steps, training.records))
    return share / (1 - share) * TRAINING_COST * images / records


def _drawn(examples: Examples, number: int, seed: int) -> Examples:
    """``number`` of the examples, the same at every record, others for another seed.

    So the error of a small sample averages out over seeds, and counts where their spread is taken
    for the uncertainty.
    """
    if number == len(examples):
        return examples
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed))
    chosen = order[:number].to(examples.labels.device)
    return replace(examples, images=examples.images[chosen], labels=examples.labels[chosen])
