"""What a norm costs: the warm meter against full SVDs of the reshaped weights, in one run.

    python benchmarks/norms.py [--models cnn,resnet18,vit,resnet50] [--repeats 5] [--steps 30]
                               [--threads 2] [--clock wall] [--plain]

Every repeat is one real Adam step, then each method once, in turn; figures are medians. The
alternative is `torch.linalg.svdvals` on every flat float32 weight, as the published code does.
A *repeated* call measures the same weights again, so that every bound is met by the start vectors:
the cost of the smallest number of products, which bounds what any cheaper iteration could reach.
For operators the feature maps that go through a convolution are counted, beside those of an
iteration that watches nothing but its kept pairs and believes the second-order bound up to 1e-3.
`--plain` leaves the compiled code of the extra `fast` out. With `--clock cpu --threads 1`
everything is timed in processor time, which other programs on the machine disturb less than time
on the wall.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn import functional

from normlaws.norms import NormMeter, warm_layer
from normlaws.norms.model.layers import inventory
from normlaws.norms.operators import ConvolutionOperator, Operator
from normlaws.norms.spectrum.exact import gram_norm
from normlaws.norms.spectrum.kept import Found, Kept
from normlaws.norms.spectrum.warm import Goal, follow, start_basis
from normlaws.norms.spectrum.watch import Reference, Vector
from normlaws.norms.warm_layer import library

IMAGES = 10_000
BATCH = 128
FLAT, OPERATOR = "all norms, flat 1e-6", "all norms, operator 1e-4"


class Block(nn.Module):
    """The basic residual block."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after),
        )  # fmt: skip
        self.skip: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            self.skip = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, before, h, w) -> (batch, after, h/stride, w/stride)."""
        return torch.relu(self.body(x) + self.skip(x))


class ViT(nn.Module):
    """Patch 4, width 192, depth 6, 3 heads, for 32 x 32 images."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 192, 4, 4)
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, 192))
        self.position = nn.Parameter(0.02 * torch.randn(1, 65, 192))
        block = nn.TransformerEncoderLayer(
            192, 3, 768, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, 6, nn.LayerNorm(192), enable_nested_tensor=False)
        self.head = nn.Linear(192, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, 3, 32, 32) -> (batch, 10)."""
        x = self.patch(x).flatten(2).mT
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.position
        return self.head(self.blocks(x)[:, 0])


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.Flatten(),
        nn.Linear(128 * 16 * 16, 512), nn.ReLU(), nn.Linear(512, 10),
    )  # fmt: skip


def resnet18() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    width = 64
    for after, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Block(width, after, stride), Block(after, after, 1)]
        width = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def resnet50() -> nn.Module:
    import torchvision

    return torchvision.models.resnet50(num_classes=10)


MODELS = {"cnn": cnn, "resnet18": resnet18, "vit": ViT, "resnet50": resnet50}


def svdvals(model: nn.Module) -> list[float]:
    """The published code's method, on every layer."""
    with torch.no_grad():
        return [
            float(torch.linalg.svdvals(block)[0])
            for layer in inventory(model).layers
            for block in layer.read().float()
        ]


def unwatched(
    operator: Operator,
    kept: Kept,
    signs: Vector,
    goal: Goal,
    random: np.random.Generator,
    call: int,
) -> Found:
    """The warm iteration of one group without scout and probe, which sees less and costs less."""
    noise = random.standard_normal(kept.drift.shape, dtype=np.float32)
    before = Reference(kept.probe[0], kept.anchor[0], kept.level[0])
    start = start_basis(kept.vectors[0], kept.drift[0], noise[0], kept.scout[0])[:-1]
    goal = goal._replace(trust=1e-3)
    found = follow(operator, start, operator.forward(start[None])[0], signs[:0], before, goal)
    if math.isnan(found.value):
        return None
    parts = (found.vectors, found.values, found.drift, found.scout, *found.reference)
    kept = Kept(*(np.array(part)[None] for part in parts))
    second = float(found.values[1])
    return Found(found.value, found.bound, second, found.residual, found.captured, kept)


def counted_products() -> list[int]:
    """Count feature maps that go through a convolution or its adjoint from now on."""
    count, through = [0], ConvolutionOperator._through

    def counted(self: ConvolutionOperator, act, x, shape):  # type: ignore[no-untyped-def]
        count[0] += x.shape[1]
        return through(self, act, x, shape)

    ConvolutionOperator._through = counted  # type: ignore[method-assign]
    return count


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
clock = time.perf_counter


def seconds(function: Callable[[], object]) -> float:
    start = clock()
    function()
    return clock() - start


def teacher_batch(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images with something to learn: classes are coarse patterns under noise."""
    labels = torch.randint(10, (size,))
    patterns = torch.randn(10, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    images = functional.interpolate(patterns[labels], 32) + torch.randn(size, 3, 32, 32)
    return images, labels


def step(model: nn.Module, optimizer: torch.optim.Optimizer, size: int) -> None:
    images, labels = teacher_batch(size)
    loss = functional.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def read_once(model: nn.Module) -> float:
    """Seconds to read every weight once, in matrix–vector products."""
    with torch.no_grad():
        blocks = [layer.read().flatten(0, 1) for layer in inventory(model).layers]
        vectors = [torch.ones(block.shape[1]) for block in blocks]
        return seconds(lambda: [torch.mv(b, v) for b, v in zip(blocks, vectors, strict=True)])


def flat_error(meter: NormMeter) -> float:
    """Largest relative error of a spectral norm, against float64 eigenvalues."""
    with torch.no_grad():
        exact = [math.log(gram_norm(layer.read())) for layer in meter.layers]
    return largest(meter, exact)


def operator_error(meter: NormMeter, model: nn.Module, example: torch.Tensor) -> float:
    """The same for operators, against a cold start to 1e-6 from other vectors."""
    other = NormMeter(model, conv="operator", example_input=example, relative_error=1e-6, seed=1)
    other.measure()
    return largest(meter, [row.log_spectral_norm for row in other.last])


def largest(meter: NormMeter, exact: list[float]) -> float:
    return max(
        abs(row.log_spectral_norm - value) for row, value in zip(meter.last, exact, strict=True)
    )


def meters_of(
    model: nn.Module, example: torch.Tensor, operator: bool, compiled: bool
) -> dict[str, NormMeter]:
    meters = {
        FLAT: NormMeter(model, compiled=compiled),
        "spectral, flat 1e-6": NormMeter(model, norms=("spectral_product",), compiled=compiled),
    }
    if operator:
        settings = {"conv": "operator", "example_input": example, "compiled": compiled}
        meters[OPERATOR] = NormMeter(model, **settings)
        meters["spectral, operator 1e-4"] = spectral_operators(model, example, compiled)
    return meters


def spectral_operators(
    model: nn.Module, example: torch.Tensor, compiled: bool = False
) -> NormMeter:
    return NormMeter(
        model, norms=("spectral_product",), conv="operator", example_input=example,
        compiled=compiled,
    )  # fmt: skip


def unwatched_products(meter: NormMeter, count: list[int]) -> int:
    """Feature maps of one call."""
    usual = warm_layer.warm
    warm_layer.warm = unwatched  # type: ignore[assignment]
    count[0] = 0
    meter.measure()
    warm_layer.warm = usual
    return count[0]


def bench(name: str, repeats: int, steps: int, batch: int, operator: bool, compiled: bool) -> None:
    torch.manual_seed(0)
    model = MODELS[name]()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    example = torch.zeros(1, 3, 32, 32)
    for _ in range(steps):
        step(model, optimizer, batch)
    meters = meters_of(model, example, operator, compiled)
    cold = {label: seconds(meter.measure) for label, meter in meters.items()}
    times: dict[str, list[float]] = {label: [] for label in meters}
    svd, floor, errors = [], [], {FLAT: 0.0}
    count, products, repeated = counted_products(), {"watched": 0, "unwatched": 0}, []
    bare = spectral_operators(model, example) if operator else None
    if bare is not None:
        bare.measure()
    for repeat in range(repeats + 1):  # the first finds out where the weights drift to
        step(model, optimizer, batch)
        count[0] = 0
        measured = {label: seconds(meter.measure) for label, meter in meters.items()}
        found_products = count[0] // 2  # by two meters
        if repeat == 0:
            if bare is not None:
                unwatched_products(bare, count)
            continue
        repeated.append(seconds(meters[FLAT].measure))
        if bare is not None:
            products["watched"] += found_products
            products["unwatched"] += unwatched_products(bare, count)
        for label, value in measured.items():
            times[label].append(value)
        svd.append(seconds(lambda: svdvals(model)))
        floor.append(read_once(model))
        errors[FLAT] = max(errors[FLAT], flat_error(meters[FLAT]))
    if operator:
        errors[OPERATOR] = operator_error(meters[OPERATOR], model, example)
    training = statistics.median(seconds(lambda: step(model, optimizer, BATCH)) for _ in range(3))
    report(name, times, cold, svd, floor, errors, training)
    ratio = statistics.median(s / r for s, r in zip(svd, repeated, strict=True))
    print(
        f"  {FLAT}, a repeated call: {1e3 * statistics.median(repeated):.1f} ms, {ratio:.1f} x "
        "faster than svdvals"
    )
    if products["unwatched"]:
        ours, others = (products[each] / repeats for each in ("watched", "unwatched"))
        print(
            f"  feature maps through a convolution, a call: {ours:.0f}, without scout and probe "
            f"{others:.0f}, {ours / others:.2f} times as many"
        )


def report(
    name: str,
    times: dict[str, list[float]],
    cold: dict[str, float],
    svd: list[float],
    floor: list[float],
    errors: dict[str, float],
    training: float,
) -> None:
    reference, once = statistics.median(svd), statistics.median(floor)
    print(f"\n{name}: svdvals {1e3 * reference:.1f} ms, one read of weights {1e3 * once:.2f} ms,"
          f" training step of {BATCH} images {1e3 * training:.0f} ms")  # fmt: skip
    for label, values in times.items():
        warm = statistics.median(values)
        ratio = statistics.median(s / w for s, w in zip(svd, values, strict=True))
        epoch = warm / (training * IMAGES / BATCH)
        print(
            f"  {label:26s} warm {1e3 * warm:8.1f} ms  {ratio:6.1f} x faster than svdvals, "
            f"cold {reference / cold[label]:5.1f} x; {warm / once:5.1f} reads; "
            f"{warm / training:6.1%} of a step, {epoch:.3%} of an epoch"
        )
    for label, error in errors.items():
        print(f"  {label}: largest relative error of a spectral norm {error:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="cnn,resnet18,vit,resnet50")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=30, help="training steps before measuring")
    parser.add_argument("--batch", type=int, default=32, help="images of those steps")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    parser.add_argument("--plain", action="store_true", help="without compiled code")
    arguments = parser.parse_args()
    global clock
    clock = CLOCKS[arguments.clock]
    torch.set_num_threads(arguments.threads)
    with threadpool_limits(arguments.threads, user_api="blas"):
        run(arguments)


def run(arguments: argparse.Namespace) -> None:
    compiled = not arguments.plain and library() is not None
    code = "compiled code" if compiled else "NumPy and PyTorch alone"
    print(f"{arguments.threads} threads, {arguments.clock} time, {code}")
    for name in arguments.models.split(","):
        bench(
            name,
            arguments.repeats,
            arguments.steps,
            arguments.batch,
            operator=name != "resnet50",
            compiled=compiled,
        )


if __name__ == "__main__":
    main()
