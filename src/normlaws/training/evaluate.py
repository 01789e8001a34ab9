"""Error and loss of a network, in evaluation mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from normlaws.problems import Examples

BATCH = 512


class Score(NamedTuple):
    """Fraction of wrong labels and mean cross-entropy, nats; NaN where outputs are not finite."""

    error: float
    loss: float


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, then every module back in the mode it was in, also after an exception."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def score(model: nn.Module, examples: Examples) -> Score:
    """Score ``model`` on all ``examples``; the model's modes and gradients stay as they were."""
    wrong, loss = 0, 0.0
    with evaluation_mode(model), torch.inference_mode():
        for start in range(0, len(examples), BATCH):
            inputs = examples.normalised(examples.images[start : start + BATCH])
            labels = examples.labels[start : start + BATCH]
            logits = model(inputs).float()
            loss += F.cross_entropy(logits, labels, reduction="sum").item()
            wrong += int((logits.argmax(dim=1) != labels).sum())
    mean = loss / len(examples)
    finite = mean == mean and abs(mean) != float("inf")
    return Score(wrong / len(examples), mean) if finite else Score(float("nan"), float("nan"))
