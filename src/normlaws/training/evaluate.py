"""Error and loss of a network, in evaluation mode."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn

from normlaws.problems import Examples
from normlaws.training.columns import by_columns
from normlaws.training.losses import by_label, labels_in, summed_loss

BATCH = 512
FEWEST, MOST = 16, 2048
CACHE = 1 << 24  # bytes of a layer's output that a processor's cache holds


class Score(NamedTuple):
    """Fraction of wrong labels and mean loss; NaN where outputs are not finite.

    The error is NaN, too, where targets are numbers.
    """

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


def fitting_batch(model: nn.Module, examples: Examples) -> int:
    """Images that are best scored at a time, a power of two.

    On a processor as many, up to 2,048, as keep the largest output of a layer in its cache: the
    paper's CNN scores a third more images a second by 64 than by 512. :data:`BATCH` elsewhere.
    Follows from the network alone.
    """
    largest = 1

    def look(module: nn.Module, inputs: object, output: object) -> None:
        nonlocal largest
        if isinstance(output, Tensor):
            largest = max(largest, output.numel() * output.element_size())

    if examples.images.device.type != "cpu":
        return BATCH
    hooks = [module.register_forward_hook(look) for module in model.modules()]
    try:
        with evaluation_mode(model), torch.inference_mode():
            model(examples.normalised(examples.images[:1]))
    finally:
        for hook in hooks:
            hook.remove()
    images = min(max(CACHE // largest, FEWEST), MOST)
    return 1 << (images.bit_length() - 1)


def score(
    model: nn.Module, examples: Examples, batch: int = BATCH, loss: str = "cross-entropy"
) -> Score:
    """Score ``model`` on all ``examples``, so many at a time, by the loss of that name.

    The model's modes and gradients stay as they were.
    """
    wrong, total = 0, 0.0
    columns = by_columns(model)
    network, mode = (columns, nullcontext()) if columns else (model, evaluation_mode(model))
    with mode, torch.inference_mode():
        for start in range(0, len(examples), batch):
            inputs = examples.normalised(examples.images[start : start + batch])
            labels = examples.labels[start : start + batch]
            logits = network(inputs).float()
            if not labels.is_floating_point():
                logits, labels = by_label(logits, labels)
            total += summed_loss(loss, logits[None], labels[None]).item()
            if not labels.is_floating_point():
                wrong += int((logits.max(dim=1).indices != labels).sum())
    count = labels_in(examples.labels)
    mean = total / count
    if not math.isfinite(mean):
        return Score(math.nan, math.nan)
    return Score(math.nan if examples.labels.is_floating_point() else wrong / count, mean)
