"""What gauges cost: Telescope beside a training step, EffectiveParameters beside every step.

    python benchmarks/gauges.py [--probes 64] [--batch 128] [--steps 4]

Telescope: real Adam steps of ResNet-18 on 3 x 32 x 32 images and measurements in turn; the share is
50 measurements over the steps of 10 epochs of 10,000 images. No measurement can take less than the
outputs at one place and their derivative along the weights at two (the midpoint and the start),
each of which passes values and derivatives through every layer: that floor is printed beside it.
EffectiveParameters: a few steps of
the digits MLP (64-32-10 ReLU, 150 examples) done exactly, each with its own Jacobian, kernel and
update of S, against 35 measurements by blocks; 4000 steps are extrapolated. Process time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from normlaws.gauges import EffectiveParameters, Telescope
from normlaws.gauges.network import Outputs, copied, weights_of
from normlaws.problems.models.resnet import ResNet

IMAGES, EPOCHS, RECORDS = 10_000, 10, 50
STEPS, BLOCKS = 4000, 35


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

    actions = step, lambda: gauge.measure(model), least
    times = [[seconds(action) for action in actions] for _ in range(repeats)]
    steps, measured, floor = (statistics.median(each) for each in zip(*times, strict=True))
    total = steps * EPOCHS * IMAGES / batch
    print(
        f"a step {steps:.3f} s, a measurement {measured:.3f} s, outputs and two derivatives "
        f"{floor:.3f} s: at least {RECORDS * floor / total:.1%} of the training"
    )
    return RECORDS * measured / total


def effective_parameters_ratio(repeats: int) -> float:
    """Time of 4000 exact steps over that of 35 measurements."""
    bunch = load_digits()
    inputs, labels = torch.tensor(bunch.data[:150]) / 16, torch.tensor(bunch.target[:150])
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).double()
    gauge = EffectiveParameters(inputs, labels, inputs[:50], rate=0.1)
    gauge.measure(model, 0)
    fitted = torch.zeros(1500, 1500, dtype=torch.float64)
    unit = torch.eye(1500, dtype=torch.float64)

    def move() -> None:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(1e-4 * torch.randn_like(parameter))

    def exact() -> None:
        jacobian = Outputs(model, inputs).jacobian(copied(weights_of(model)))
        fitted.add_(0.1 / 150 * jacobian @ (jacobian.T @ (unit - fitted)))

    blocks, single = [], []
    for repeat in range(1, repeats + 1):
        move()
        blocks.append(seconds(lambda step=repeat: gauge.measure(model, 10 * step)))
        single.append(seconds(exact))
    block, step = statistics.median(blocks), statistics.median(single)
    print(f"a block {block:.3f} s, an exact step {step:.3f} s")
    return STEPS * step / (BLOCKS * block)


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--probes", type=int, default=64)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=4, help="repeats of each measurement")
    chosen = parser.parse_args()
    ratio = effective_parameters_ratio(chosen.steps)
    print(f"EffectiveParameters: {ratio:.0f} times cheaper than every step")
    share = telescope_share(chosen.probes, chosen.batch, chosen.steps)
    print(f"Telescope with {chosen.probes} probes: {share:.1%} of the training")


if __name__ == "__main__":
    main()
