"""Validation, training and test examples of one run."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from normlaws.errors import InputError
from normlaws.problems.datasets import DataSet


@dataclass(frozen=True)
class Examples:
    """Examples on one device, stored as they were loaded and normalised when they are used.

    Attributes:
        images: (n, channels, height, width) uint8, or float32; or anything that needs no change.
        labels: (n,) int64.
        mean: subtracted from the images, (1, channels, 1, 1); nothing is changed where ``None``.
        std: divides them then, likewise.
    """

    images: Tensor
    labels: Tensor
    mean: Tensor | None = None
    std: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def inputs(self) -> Tensor:
        """All images, normalised: (n, channels, height, width) float32."""
        return self.normalised(self.images)

    def normalised(self, images: Tensor) -> Tensor:
        """Zero mean and unit variance, float32, as the training pool's."""
        if self.mean is None or self.std is None:
            return images
        return (images.float() - self.mean) / self.std

    def kept_normalised(self, most_bytes: int) -> Examples:
        """The same examples, normalised once for all where that takes no more than this memory."""
        if 4 * self.images.numel() > most_bytes:
            return self
        return Examples(self.inputs, self.labels)

    def first(self, count: int | None) -> Examples:
        """The first ``count`` examples; all where ``None``."""
        return replace(self, images=self.images[:count], labels=self.labels[:count])


@dataclass(frozen=True)
class Splits:
    """What one run trains on, selects with, and is scored on."""

    train: Examples
    validation: Examples
    test: Examples


def split(
    data: DataSet,
    *,
    size: int,
    validation: int,
    seed: int,
    split_seed: int = 0,
    label_noise: float = 0.0,
    device: torch.device | str = "cpu",
) -> Splits:
    """Cut the examples of one run.

    The validation split is carved off the pool first, by ``split_seed``, the same for every run of
    a study. What is left is permuted once per ``seed``, and a run of P examples takes the first P:
    the training sets of one seed are nested, and seeds differ in their data as well as in their
    initial weights, so that the spread over seeds is the spread a new draw of data would show.

    With ``label_noise`` each training label is replaced by one of the other classes with that
    probability, drawn by ``split_seed``: an example has the same label in every run. Validation and
    test labels stay as they are, so errors are those on clean labels.

    Raises:
        InputError: the pool is too small for ``size`` and ``validation`` together, or labels that
            are numbers are replaced.
    """
    pool = len(data.pool_labels)
    check_size(data, size, validation)
    if label_noise and data.regression:
        raise InputError(
            f"expected label_noise = 0 for {data.name}, whose targets are numbers, got "
            f"{label_noise}"
        )
    order = torch.randperm(pool, generator=torch.Generator().manual_seed(split_seed))
    held_out, rest = order[:validation], order[validation:]
    shuffle = torch.randperm(len(rest), generator=torch.Generator().manual_seed(seed))
    chosen = rest[shuffle[:size]]
    seen = _noisy(data.pool_labels, data.classes, label_noise, split_seed)
    return Splits(
        train=_examples(data, data.pool_images[chosen], seen[chosen], device),
        validation=_examples(data, data.pool_images[held_out], data.pool_labels[held_out], device),
        test=_examples(data, data.test_images, data.test_labels, device),
    )


def check_size(data: DataSet, size: int, validation: int) -> None:
    """Raise :class:`InputError` where the pool cannot give ``size`` training examples."""
    available = len(data.pool_labels) - validation
    if not 1 <= size <= available:
        raise InputError(
            f"expected a size between 1 and {available} ({data.name} has {len(data.pool_labels)} "
            f"training examples, {validation} of them held out for validation), got {size}"
        )


def _noisy(labels: Tensor, classes: int, fraction: float, seed: int) -> Tensor:
    """``labels`` (n,), of which about ``fraction`` are another class, each with equal chance."""
    if not fraction:
        return labels
    generator = torch.Generator().manual_seed(seed)
    replaced = torch.rand(len(labels), generator=generator) < fraction
    steps = torch.randint(1, classes, labels.shape, generator=generator)
    return torch.where(replaced, (labels + steps) % classes, labels)


def _examples(
    data: DataSet, images: Tensor, labels: Tensor, device: torch.device | str
) -> Examples:
    shape = (1, -1, 1, 1)
    mean, std = (torch.tensor(value, device=device).view(shape) for value in (data.mean, data.std))
    return Examples(images.to(device), labels.to(device), mean, std)
