"""A network that takes its time without using a processor, and tells of every training step."""

from __future__ import annotations

import os
import time

import torch
from torch import nn


class Slow(nn.Module):
    """Softmax regression; $SLOW_MODEL_PAUSE seconds and one byte in $SLOW_MODEL_LOG a step."""

    def __init__(self, pixels: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(pixels, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training:
            time.sleep(float(os.environ.get("SLOW_MODEL_PAUSE", "0")))
            if log := os.environ.get("SLOW_MODEL_LOG"):
                with open(log, "ab") as file:
                    file.write(b".")
        return self.linear(images.flatten(1))


def slow(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return Slow(image_shape[0] * image_shape[1] * image_shape[2], classes)
