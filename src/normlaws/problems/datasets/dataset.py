"""What every loader returns: raw examples, and how they are normalised."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from normlaws.errors import InputError

BYTES = 256
CHUNK = 4096


@dataclass(frozen=True)
class DataSet:
    """Images and labels as they were loaded; normalisation constants of the training pool.

    Attributes:
        pool_images: (n, channels, height, width) uint8, or float32 where values are not bytes;
            validation and training examples come from it.
        pool_labels: (n,) int64 in [0, classes), or (n, tokens) where every token has a label; or
            (n, outputs) float32 targets of a regression.
        test_images: (m, channels, height, width), of the same type; only ever scored.
        test_labels: (m, …), of the same kind.
        classes: number of classes; of a regression, of outputs.
        mean: per-channel mean of the pool, in units of the raw values.
        std: per-channel standard deviation of the pool, likewise.
    """

    name: str
    pool_images: Tensor
    pool_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(
        cls, name: str, pool: Tensor, pool_labels: Tensor, test: Tensor, test_labels: Tensor
    ) -> DataSet:
        """Check the examples and compute classes, mean and deviation.

        Whole numbers as labels are classes; others are the targets of a regression, taken as they
        are.

        Raises:
            InputError: images and labels do not fit one another, or classes are not 0, 1, ….
        """
        pool_labels, test_labels = _columns(pool_labels), _columns(test_labels)
        _check(name, "training", pool, pool_labels)
        _check(name, "test", test, test_labels)
        if pool.shape[1:] != test.shape[1:] or pool.dtype != test.dtype:
            raise InputError(
                f"{name}: expected training and test images of one shape and type, got "
                f"{_form(pool)} and {_form(test)}"
            )
        if pool_labels.shape[1:] != test_labels.shape[1:] or pool_labels.dtype != test_labels.dtype:
            raise InputError(
                f"{name}: expected training and test labels of one shape and type, got "
                f"{_form(pool_labels)} and {_form(test_labels)}"
            )
        if pool_labels.is_floating_point():
            classes = pool_labels.shape[1]
        else:
            classes = int(max(pool_labels.max(), test_labels.max())) + 1
        mean, std = _statistics(pool)
        return cls(name, pool, pool_labels, test, test_labels, classes, mean, std)

    @property
    def regression(self) -> bool:
        """Whether labels are numbers rather than classes."""
        return self.pool_labels.is_floating_point()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        channels, height, width = self.pool_images.shape[1:]
        return channels, height, width


def _check(name: str, part: str, images: Tensor, labels: Tensor) -> None:
    if images.ndim != 4 or images.dtype not in (torch.uint8, torch.float32):
        raise InputError(
            f"{name}: expected {part} images (n, channels, height, width) of uint8 or float32, got "
            f"{_form(images)}"
        )
    if labels.ndim not in (1, 2) or len(labels) != len(images) or not labels.numel():
        raise InputError(
            f"{name}: expected one label for each of {len(images)} {part} images, at least one, "
            f"got labels {_form(labels)}"
        )
    if labels.is_floating_point():
        if not bool(labels.isfinite().all()):
            raise InputError(f"{name}: expected finite targets in the {part} examples")
    elif int(labels.min()) < 0:
        raise InputError(
            f"{name}: expected labels 0, 1, … in the {part} examples, got {int(labels.min())}"
        )


def _columns(labels: Tensor) -> Tensor:
    """Classes as int64; targets as float32, (n, outputs)."""
    if not labels.is_floating_point():
        return labels.long()
    return labels.float()[:, None] if labels.ndim == 1 else labels.float()


def _form(values: Tensor) -> str:
    return f"of shape {tuple(values.shape)} and type {str(values.dtype).removeprefix('torch.')}"


def _statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation (n - 1) of each channel; a constant channel has deviation 1.

    In float64 and chunk by chunk, bytes by counting: the same on any machine, in little memory.
    """
    channels = [_moments(images[:, channel]) for channel in range(images.shape[1])]
    means, deviations = zip(*channels, strict=True)
    return means, tuple(deviation or 1.0 for deviation in deviations)


def _moments(values: Tensor) -> tuple[float, float]:
    if values.dtype == torch.uint8:
        parts = values.split(CHUNK)
        counts = sum(part.flatten().int().bincount(minlength=BYTES) for part in parts)
        weights = torch.as_tensor(counts).double()
        levels = torch.arange(BYTES, dtype=torch.float64)
    else:
        levels = values.flatten().double()
        weights = torch.ones_like(levels)
    mean = (weights * levels).sum() / weights.sum()
    squares = (weights * (levels - mean).square()).sum()
    return float(mean), float((squares / (weights.sum() - 1).clamp_min(1)).sqrt())
