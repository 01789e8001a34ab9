"""What a projection that slices first saves narrow ResNets: it lets their channels lie last.

    python benchmarks/layouts.py [--repeats 3]

Strided 1 x 1 convolutions of few channels have to lie contiguous (see
``normlaws.training.layout``), and the whole network with them. Both networks have the same weights,
the sliced one channels last however few they are; milliseconds for 32 images, medians of
interleaved repeats, one thread, with the allocator settings of a study's workers.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys

import torch
from torch import nn

from normlaws.problems.models.resnet import Projection
from normlaws.studies.local import ALLOCATOR
from panels import milliseconds, network, shape_of

PANELS = ("repro-resnet-mnist", "repro-resnet-cifar10", "repro-resnet-cifar100")


def with_strides(model: nn.Module) -> nn.Module:
    """The model with PyTorch's strided convolutions in place of its projections."""
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
        sides = [
            (with_strides(network(name)), torch.contiguous_format),
            (network(name), torch.channels_last),
        ]
        turns = [
            [milliseconds(model, shape_of(name), layout) for model, layout in sides]
            for _ in range(repeats)
        ]
        for what in ("step", "score"):
            before, after = (
                statistics.median(turn[side][what] for turn in turns) for side in (0, 1)
            )
            line = f"{name:24}{what:8}{before:10.2f}{after:10.2f}  {after / before:5.2f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
