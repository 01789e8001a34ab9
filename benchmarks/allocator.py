"""What keeping freed memory saves a worker: panels' networks, one thread, processes in turn.

    python benchmarks/allocator.py [--repeats 3]

Each process takes 30 steps of 32 images and scores 128 images 30 times, and prints its medians.
Half of them start with the C library's defaults, half with what the workers of a study get
(``normlaws.studies.local.ALLOCATOR``). Other than glibc's allocators take no notice.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

import torch

from normlaws.studies.local import ALLOCATOR
from normlaws.training.layout import memory_format
from panels import milliseconds, network, shape_of

PANELS = (
    "repro-cnn-mnist",
    "repro-cnn-cifar10",
    "repro-cnn-cifar100",
    "repro-resnet-cifar10",
    "repro-vit-cifar10",
)


def measure(name: str) -> dict[str, float]:
    """Milliseconds of a step and of scoring as many images, in this process."""
    torch.set_num_threads(1)
    model = network(name)
    return milliseconds(model, shape_of(name), memory_format(model, "cpu"))


def started(name: str, kept: bool) -> dict[str, float]:
    """The same in a process of its own."""
    plain = {key: value for key, value in os.environ.items() if key not in ALLOCATOR}
    command = [sys.executable, __file__, "--here", name]
    done = subprocess.run(
        command, env=plain | (ALLOCATOR if kept else {}), capture_output=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--here", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        print(json.dumps(measure(asked.here)))
        return
    print("| 32 images, ms | step, default | kept | ratio | scored, default | kept | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name in PANELS:
        turns = [(started(name, False), started(name, True)) for _ in range(asked.repeats)]
        cells = []
        for what in ("step", "score"):
            default, kept = (
                statistics.median(turn[side][what] for turn in turns) for side in (0, 1)
            )
            cells += [f"{default:.1f}", f"{kept:.1f}", f"{kept / default:.2f}"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
