"""Losses of a run: cross-entropy of classes, or half the squared distance from targets."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from normlaws.errors import InputError
from normlaws.problems import DataSet


def mean_loss(name: str, outputs: Tensor, labels: Tensor) -> Tensor:
    """Mean over the labels of a batch; see :func:`summed_loss`."""
    if name == "cross-entropy":
        return F.cross_entropy(*by_label(outputs, labels))
    return summed_loss(name, outputs, labels) / labels_in(labels)


def summed_loss(name: str, outputs: Tensor, labels: Tensor) -> Tensor:
    """Sum over the labels of a batch.

    Args:
        name: ``"cross-entropy"`` in nats; or ``"squared"``, ½Σ_k(f_k − y_k)² over outputs k, with
            classes as one-hot targets.
        outputs: (n, outputs), or (n, tokens, outputs) where every token has a label.
        labels: (n,) or (n, tokens) classes, or (n, outputs) float targets.
    """
    if name == "cross-entropy" and labels.ndim == 2 and outputs.mT.is_contiguous():
        return F.cross_entropy(outputs.mT, labels, reduction="sum")
    outputs, labels = by_label(outputs, labels)
    if name == "cross-entropy":
        return F.cross_entropy(outputs, labels, reduction="sum")
    if not labels.is_floating_point():
        labels = F.one_hot(labels, outputs.shape[-1])
    return (outputs - labels).square().sum() / 2


def by_label(outputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of outputs and what belongs to each: tokens count one by one."""
    if labels.is_floating_point() or labels.ndim == 1:
        return outputs, labels
    return outputs.flatten(0, 1), labels.flatten()


def labels_in(labels: Tensor) -> int:
    """How many predictions these labels score: examples, or tokens."""
    return len(labels) if labels.is_floating_point() else labels.numel()


def check_loss(name: str, data: DataSet) -> None:
    """Refuse cross-entropy for targets that are numbers.

    Raises:
        InputError: it is asked for.
    """
    if name == "cross-entropy" and data.regression:
        raise InputError(
            f'expected training.loss = "squared" for {data.name}, whose targets are numbers, got '
            f"{name!r}"
        )
