"""Random changes of a whole batch at once, on its device."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from normlaws.problems.datasets.settings import Augmentation


def augmented(images: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """Shift, mirror and rotate every image by its own random amount.

    Every new pixel is the nearest old one, so bytes stay bytes; beyond the border stands 0.

    Args:
        images: (n, channels, height, width), any type.
        settings: how much.
        generator: on the CPU, so that the draws do not depend on the device.

    Returns:
        A tensor of the same shape, type and device.
    """
    count, channels, height, width = images.shape
    draws = torch.rand(6, count, 1, 1, generator=generator).to(images.device)
    rows, columns = _sources(draws, height, width, settings)
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    index = rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)  # (n, h, w)
    flat = index.flatten(1)[:, None].expand(-1, channels, -1)
    moved = images.flatten(2).gather(2, flat).view(images.shape)
    return moved * inside[:, None]


def _sources(
    draws: Tensor, height: int, width: int, settings: Augmentation
) -> tuple[Tensor, Tensor]:
    """Row and column (n, h, w) int64 of the old pixel that each new one shows."""
    device = draws.device
    rows = torch.arange(height, device=device).view(1, -1, 1) - (height - 1) / 2
    columns = torch.arange(width, device=device).view(1, 1, -1) - (width - 1) / 2
    centred = 2 * draws - 1  # uniform in [-1, 1)
    rows = rows - (centred[0] * settings.translate * height).round()
    columns = columns - (centred[1] * settings.translate * width).round()
    angle = centred[2] * math.radians(settings.rotate)
    turned = angle.cos() * rows - angle.sin() * columns
    across = angle.sin() * rows + angle.cos() * columns
    if settings.flip:
        across = torch.where(draws[3] < 0.5, across, -across)
    shift = (draws[4:] * (2 * settings.crop + 1)).floor() - settings.crop  # (2, n, 1, 1)
    old_rows = turned + shift[0] + (height - 1) / 2
    old_columns = across + shift[1] + (width - 1) / 2
    return old_rows.round().long(), old_columns.round().long()
