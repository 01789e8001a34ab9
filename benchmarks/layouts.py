"""What a projection that slices first saves narrow ResNets: it lets their channels lie last.

    python benchmarks/layouts.py [--repeats 3]

Strided 1 x 1 convolutions of few channels have to lie contiguous (see
``normlaws.training.layout``), and the whole network with them. Both networks have the same weights,
the sliced one channels last however few they are; a step takes 32 images, scoring 128; medians of
interleaved repeats, one thread, with the allocator settings of a study's workers.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from allocator import BATCH, CLASSES, SCORED, STEPS, median
from normlaws.problems.models.resnet import Projection
from normlaws.studies import presets
from normlaws.studies.local import ALLOCATOR
from normlaws.training.evaluate import evaluation_mode

PANELS = {
    "repro-resnet-mnist": (1, 28, 28),
    "repro-resnet-cifar10": (3, 32, 32),
    "repro-resnet-cifar100": (3, 32, 32),
}


def network(name: str, sliced: bool) -> nn.Module:
    """The panel's, its projections as they are or as PyTorch's strided convolutions."""
    model = presets()[name].model.build(PANELS[name], CLASSES, 0)
    if not sliced:
        for parent in list(model.modules()):
            for key, child in list(parent.named_children()):
                if isinstance(child, Projection):
                    setattr(parent, key, strided(child))
    return model


def strided(projection: Projection) -> nn.Conv2d:
    """The same function."""
    shape = projection.in_channels, projection.out_channels, 1, projection.stride
    convolution = nn.Conv2d(*shape, bias=False)
    convolution.load_state_dict(projection.state_dict())
    return convolution


def acts(name: str, sliced: bool) -> tuple[Callable[[], None], ...]:
    """A step and a scoring."""
    layout = torch.channels_last if sliced else torch.contiguous_format
    model = network(name, sliced).to(memory_format=layout)
    images = torch.randn(SCORED, *PANELS[name]).to(memory_format=layout)
    labels = torch.randint(CLASSES, (BATCH,))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(images[:BATCH]), labels).backward()
        optimizer.step()

    def score() -> None:
        with evaluation_mode(model), torch.inference_mode():
            model(images)

    return step, score


def main() -> None:
    """Print milliseconds of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    if not ALLOCATOR.items() <= os.environ.items():  # read once, when a process starts
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ALLOCATOR)
    torch.set_num_threads(1)
    print(f"{'panel':24}{'':8}{'strided':>10}{'sliced':>10}  ratio   (ms)")
    for name in PANELS:
        pairs = [acts(name, sliced) for sliced in (False, True)]
        for index, what in enumerate(("step", "score")):
            times: list[list[float]] = [[], []]
            for _ in range(repeats):
                for found, pair in zip(times, pairs, strict=True):
                    pair[index]()
                    found.append(median(pair[index], STEPS))
            before, after = map(statistics.median, times)
            line = f"{name:24}{what:8}{before:10.2f}{after:10.2f}  {after / before:5.2f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
