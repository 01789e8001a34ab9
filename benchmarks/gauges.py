"""What gauges cost: Telescope beside a training step, EffectiveParameters beside every step.

    python benchmarks/gauges.py [--probes 64] [--batch 128] [--steps 4] [--double]

Telescope: real Adam steps of ResNet-18 on 3 x 32 x 32 images and measurements in turn; the share is
50 measurements over the steps of 10 epochs of 10,000 images. Two floors are printed beside it. A
lazy and a telescope error need the outputs at the present weights and derivatives at the start and
at the midpoint, so that no method passes the probes through the network at fewer than three places:
three plain forward passes. The exact derivatives also push tangents through every layer: outputs
and two derivatives.

EffectiveParameters: 4000 steps of the digits MLP (64-32-10 ReLU, 150 examples, 50 fresh ones), all
measurements at log-spaced records of growth 1.25, against exact steps, each with its own Jacobians,
kernels and updates of S at training and fresh inputs; a few are timed and 4000 extrapolated. With
--double the same training is also followed in double precision, whose values differ by what is
printed.

Process time.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from normlaws.gauges import EffectiveParameters, Telescope, descent_block
from normlaws.gauges.network import Outputs, copied, weights_of
from normlaws.problems.models.resnet import ResNet

IMAGES, EPOCHS, RECORDS = 10_000, 10, 50
STEPS, GROWTH, RATE = 4000, 1.25, 0.1


def seconds(action: Callable[[], object]) -> float:
    """Process time of one call."""
    began = time.process_time()
    action()
    return time.process_time() - began


def telescope_share(probes: int, batch: int, repeats: int) -> float:
    """50 measurements over all steps of the training."""
    torch.manual_seed(0)
    model = ResNet().build((3, 32, 32), 10, seed=0)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    inputs = torch.randn(probes, 3, 32, 32)
    gauge = Telescope(inputs)

    def step() -> None:
        images, labels = torch.randn(batch, 3, 32, 32), torch.randint(10, (batch,))
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    step()
    gauge.measure(model)
    outputs, start = Outputs(model, inputs), copied(weights_of(model))

    def least() -> None:
        now = weights_of(model)
        outputs(now)
        outputs.along(now, start)
        outputs.along(start, now)

    actions = step, lambda: gauge.measure(model), lambda: outputs(start), least
    times = [[seconds(action) for action in actions] for _ in range(repeats)]
    steps, measured, once, floor = (statistics.median(each) for each in zip(*times, strict=True))
    total = steps * EPOCHS * IMAGES / batch
    print(f"a step of {batch} images {steps:.3f} s, a measurement {measured:.3f} s")
    print(
        f"three forward passes of the probes {3 * once:.3f} s, {3 * RECORDS * once / total:.1%} of "
        f"the training; outputs and two derivatives {floor:.3f} s, {RECORDS * floor / total:.1%}"
    )
    return RECORDS * measured / total


def log_spaced(steps: int) -> set[int]:
    """Steps at which to record: each 1.25 times the one before."""
    found = [0, 1]
    while found[-1] < steps:
        found.append(min(steps, max(found[-1] + 1, math.ceil(found[-1] * GROWTH))))
    return set(found)


def effective_parameters_ratio(repeats: int) -> float:
    """Time of 4000 exact steps over that of the measurements at 35 log-spaced records."""
    model, optimizer, inputs, labels, fresh = digits()
    gauge = EffectiveParameters(inputs, labels, fresh, optimizer=optimizer)
    within = torch.zeros(1500, 1500, dtype=torch.float64)
    reached = torch.zeros(500, 1500, dtype=torch.float64)
    unit = torch.eye(1500, dtype=torch.float64)

    def exact() -> None:
        weights = copied(weights_of(model))
        here, there = (Outputs(model, part).jacobian(weights) for part in (inputs, fresh))
        left = RATE / 150 * (unit - within)
        within.add_(here @ here.T @ left)
        reached.add_(there @ here.T @ left)

    records = log_spaced(STEPS)
    blocks, single = [], []
    for step in range(STEPS + 1):
        if step in records:
            blocks.append(seconds(lambda: gauge.measure(model)))
            if len(single) < repeats * len(blocks) / len(records):
                single.append(seconds(exact))
        descend(model, optimizer, inputs, labels)
    every = statistics.median(single)
    print(f"{len(blocks)} records {sum(blocks):.1f} s, an exact step {every:.3f} s")
    return STEPS * every / sum(blocks)


def cost_of_single_precision() -> float:
    """Largest relative difference from double precision among the records of that training."""
    model, optimizer, inputs, labels, fresh = digits()
    limits = descent_block.DOUBLE_UP_TO, sys.maxsize
    gauges = [EffectiveParameters(inputs, labels, fresh, optimizer=optimizer) for _ in limits]
    records, found = log_spaced(STEPS), 0.0
    for step in range(STEPS + 1):
        if step in records:
            both = []
            for gauge, descent_block.DOUBLE_UP_TO in zip(gauges, limits, strict=True):
                both.append(gauge.measure(model))
            if step:
                names = "log_effective_parameters_train", "log_effective_parameters_probes"
                found = max(found, *(abs(both[0][name] - both[1][name]) for name in names))
        descend(model, optimizer, inputs, labels)
    descent_block.DOUBLE_UP_TO = limits[0]
    return found


def digits() -> tuple[nn.Module, torch.optim.Optimizer, Tensor, Tensor, Tensor]:
    """The digits MLP, its optimiser, training inputs, labels and fresh inputs."""
    bunch = load_digits()
    images, classes = torch.tensor(bunch.data[:200]) / 16, torch.tensor(bunch.target[:150])
    labels = functional.one_hot(classes, 10).double()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    return model, optimizer, images[:150], labels, images[150:]


def descend(
    model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor, labels: Tensor
) -> None:
    """One step on all training examples."""
    optimizer.zero_grad()
    (0.5 * (model(inputs) - labels).square().sum(1).mean()).backward()
    optimizer.step()


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--probes", type=int, default=64)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=4, help="repeats of each measurement")
    parser.add_argument("--double", action="store_true", help="compare with double precision")
    chosen = parser.parse_args()
    ratio = effective_parameters_ratio(chosen.steps)
    print(f"EffectiveParameters: {ratio:.0f} times cheaper than every step")
    if chosen.double:
        print(f"largest difference from double precision {cost_of_single_precision():.1e}")
    share = telescope_share(chosen.probes, chosen.batch, chosen.steps)
    print(f"Telescope with {chosen.probes} probes: {share:.1%} of the training")


if __name__ == "__main__":
    main()
