"""The panels' networks, a step and a scoring of theirs, for the benchmarks of layout and memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from normlaws.studies import presets
from normlaws.training.evaluate import evaluation_mode

CLASSES, BATCH, SCORED, TIMES = 10, 32, 128, 30


def shape_of(name: str) -> tuple[int, int, int]:
    """Of the images of a panel's preset."""
    return (1, 28, 28) if "mnist" in name else (3, 32, 32)


def network(name: str) -> nn.Module:
    """That of a panel's preset, with its first seed's weights."""
    return presets()[name].model.build(shape_of(name), CLASSES, 0)


def milliseconds(
    model: nn.Module, shape: tuple[int, int, int], layout: torch.memory_format
) -> dict[str, float]:
    """Medians of a step of 32 images and of scoring as many, by batches of 128."""
    model = model.to(memory_format=layout)
    images = torch.randn(SCORED, *shape).to(memory_format=layout)
    labels = torch.randint(CLASSES, (BATCH,))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(images[:BATCH]), labels).backward()
        optimizer.step()

    def score() -> None:
        with torch.inference_mode():
            model(images)

    step()
    found = {"step": _median(step)}
    with evaluation_mode(model):
        return found | {"score": _median(score) * BATCH / SCORED}


def _median(act: Callable[[], object]) -> float:
    found = []
    for _ in range(TIMES):
        began = time.perf_counter()
        act()
        found.append(time.perf_counter() - began)
    return 1e3 * statistics.median(found)
