"""What a tracker adds to a training: ResNet-18, 50 records in 10 epochs of 10,000 images.

    python benchmarks/tracking.py [--conv flat|operator] [--repeats 7] [--between 3] [--batch 128]

The 10 epochs are not trained. Real Adam steps and records are timed in turn, `--between` steps
before each record; the share is (cold record + 49 warm ones + the question whether a record is due,
once a step) over the median step times the number of steps. Evaluation is the user's own and is
not counted: the metrics are handed to `record`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

import normlaws as nl
from normlaws.problems.models.resnet import ResNet

IMAGES, EPOCHS, RECORDS = 10_000, 10, 50
ALLOWED = 0.01
ASKED = 10_000


def teacher_batch(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images with something to learn: classes are coarse patterns under noise."""
    labels = torch.randint(10, (size,))
    patterns = torch.randn(10, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    images = functional.interpolate(patterns[labels], 32) + torch.randn(size, 3, 32, 32)
    return images, labels


def train_step(model: nn.Module, optimizer: torch.optim.Optimizer, batch: int) -> float:
    """Seconds of one optimiser step on a batch that is at hand."""
    images, labels = teacher_batch(batch)

    def step() -> None:
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        optimizer.zero_grad()

    return seconds(step)


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conv", choices=("flat", "operator"), default="flat")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--between", type=int, default=3, help="training steps before each record")
    parser.add_argument("--batch", type=int, default=128)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    model = ResNet().build((3, 32, 32), 10, 0)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    example = torch.zeros(1, 3, 32, 32)
    with tempfile.TemporaryDirectory() as folder:
        track = nl.Tracker(model, folder, size=IMAGES, conv=arguments.conv, example_input=example)
        report(measured(track, model, optimizer, arguments), arguments)


def measured(
    track: nl.Tracker,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    arguments: argparse.Namespace,
) -> dict[str, float]:
    train_step(model, optimizer, arguments.batch)
    cold = seconds(lambda: track.record(0, test_error=0.9))
    steps, records, norms, done = [], [], [], 0
    for _ in range(arguments.repeats):
        for _ in range(arguments.between):
            steps.append(train_step(model, optimizer, arguments.batch))
            done += 1
        records.append(seconds(lambda: track.record(done, test_error=0.9)))  # noqa: B023
        steps.append(train_step(model, optimizer, arguments.batch))
        done += 1
        norms.append(seconds(track.measure))
    asked = seconds(lambda: [track.due(0) for _ in range(ASKED)]) / ASKED
    return {
        "step": statistics.median(steps),
        "cold": cold,
        "record": statistics.median(records),
        "norms": statistics.median(norms),
        "due": asked,
    }


def report(times: dict[str, float], arguments: argparse.Namespace) -> None:
    steps = EPOCHS * -(-IMAGES // arguments.batch)
    training = steps * times["step"]
    overhead = times["cold"] + (RECORDS - 1) * times["record"] + steps * times["due"]
    print(
        f"ResNet-18 on 32 x 32 x 3, conv {arguments.conv}, batch {arguments.batch}, "
        f"{torch.get_num_threads()} threads\n"
        f"  training step   {1e3 * times['step']:9.1f} ms, {steps} steps: {training:.0f} s\n"
        f"  record, warm    {1e3 * times['record']:9.1f} ms, of it norms "
        f"{1e3 * times['norms']:.1f} ms; the first, cold: {1e3 * times['cold']:.1f} ms\n"
        f"  due()           {1e6 * times['due']:9.2f} µs\n"
        f"  {RECORDS} records     {overhead:9.2f} s: {overhead / training:.3%} of the training, "
        f"allowed {ALLOWED:.0%}"
    )
    if overhead > ALLOWED * training:
        raise SystemExit("more than allowed")


if __name__ == "__main__":
    main()
