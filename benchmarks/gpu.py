"""What an accelerator brings: norms, training, and one short panel with its fit.

    python benchmarks/gpu.py [--device cuda] [--out gpu.parquet] [--minutes 8] [--tiny]

Norms: the warm meter beside `torch.linalg.svdvals` of the same weights on the same device, after a
step of Adam each time, in turn. Training: images per second of the paper's CNN, ResNet and ViT, one
run and several together, in float32, bf16 and compiled; random images, which cost what real ones
do. The panel: a short study on handwritten digits, with its laws. Figures are medians; what does
not fit into `--minutes` is said and left out. The table is printed, and written as Parquet with the
device's name. `--tiny` takes small networks and a few repeats: it shows on any machine that the
script runs.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch

import normlaws as nl
from normlaws.errors import InputError
from normlaws.norms import NormMeter
from normlaws.problems import DataSet
from normlaws.studies import presets
from normlaws.training import RunSettings
from normlaws.training.timing import stepper
from norms import svdvals
from runs import changed, seeds_of

PAPER = ("paper-cnn-mnist", "paper-resnet-cifar10", "paper-vit-cifar10")
TINY = ("digits-mlp", "digits-cnn")
SHAPES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32), "digits": (1, 8, 8)}
EXAMPLES = 1024
ARITHMETIC = {
    "float32": {},
    "bf16": {"precision": "bf16"},
    "float32, compiled": {"compile": True},
    "bf16, compiled": {"precision": "bf16", "compile": True},
}


@dataclass(frozen=True)
class Size:
    """How much is done: presets, runs trained together, kinds of arithmetic, repeats, panel."""

    names: tuple[str, ...]
    together: tuple[int, ...]
    arithmetic: tuple[str, ...]
    repeats: int
    panel_scale: float


FULL = Size(PAPER, (8, 32), tuple(ARITHMETIC), 9, 1.0)
SMALL = Size(TINY, (2,), ("float32", "bf16"), 2, 0.05)


class Bench:
    """The device, its clock, and the rows of the table."""

    def __init__(self, device: str, minutes: float, size: Size) -> None:
        self.device, self.size = device, size
        self.deadline = time.monotonic() + 60 * minutes
        self.rows: list[dict[str, Any]] = []

    def seconds(self, function: Callable[[], object]) -> float:
        """Until the device has done its work."""
        self.wait()
        start = time.perf_counter()
        function()
        self.wait()
        return time.perf_counter() - start

    def wait(self) -> None:
        """For what was given to the device."""
        if torch.device(self.device).type != "cpu":
            torch.accelerator.synchronize()

    def add(self, part: str, name: str, value: float, unit: str, ratio: float, to: str) -> None:
        """A row of the table, printed at once."""
        row = {"part": part, "name": name, "value": value, "unit": unit, "ratio": ratio, "to": to}
        self.rows.append(row)
        print(f"{part:9s} {name:50s} {value:12.4g} {unit:10s} {ratio:7.2f} x {to}", flush=True)

    def late(self, what: str) -> bool:
        """Whether the time is spent; says what is left out then."""
        spent = time.monotonic() > self.deadline
        if spent:
            print(f"left out, the time is spent: {what}", flush=True)
        return spent


def examples(run: RunSettings) -> DataSet:
    """Random bytes of the data set's shape, ten classes."""
    random = torch.Generator().manual_seed(0)
    shape = (EXAMPLES, *SHAPES[run.data.name])
    images = torch.randint(256, shape, generator=random, dtype=torch.uint8)
    labels = torch.arange(EXAMPLES) % 10
    return DataSet.of(run.data.name, images, labels, images[:100], labels[:100])


def runs_of(size: Size) -> Iterator[tuple[str, RunSettings]]:
    for name in size.names:
        run = next(iter(presets()[name].runs()))
        data = run.data.model_copy(update={"validation": 10, "scored_train": 10, "scored_test": 10})
        yield name, run.model_copy(update={"size": 512, "data": data})


def norms(bench: Bench) -> None:
    """The meter against full decompositions."""
    for name, run in runs_of(bench.size):
        if bench.late(f"norms of {name}"):
            continue
        torch.manual_seed(0)
        shape = SHAPES[run.data.name]
        model = run.model.build(shape, 10, 0).to(bench.device)
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        images = torch.randn(32, *shape, device=bench.device)
        labels = torch.arange(32, device=bench.device) % 10
        meter, times = NormMeter(model), {"meter": [], "svdvals": []}
        for repeat in range(bench.size.repeats + 2):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
            warm, full = bench.seconds(meter.measure), bench.seconds(lambda: svdvals(model))  # noqa: B023
            if repeat > 1:  # the first two start cold
                times["meter"].append(warm)
                times["svdvals"].append(full)
        warm, full = (statistics.median(found) for found in times.values())
        bench.add("norms", name, 1e3 * warm, "ms", full / warm, "svdvals")


def training(bench: Bench) -> None:
    """Images a second, against one run in float32."""
    for name, run in runs_of(bench.size):
        data, alone = examples(run), 0.0
        settings = {
            label: (changed(run, **ARITHMETIC[label]), 1) for label in bench.size.arithmetic
        }
        settings |= {f"{n} together": (run, n) for n in bench.size.together}  # stacks: float32
        for label, (chosen, together) in settings.items():
            if bench.late(f"{name}, {label}"):
                continue
            try:
                rate = images_per_second(bench, chosen, together, data)
            except (InputError, RuntimeError) as error:
                print(f"left out: {name}, {label}: {str(error).splitlines()[0][:120]}", flush=True)
                continue
            alone = alone or rate
            bench.add("training", f"{name}, {label}", rate, "images/s", rate / alone, "float32")


def images_per_second(bench: Bench, run: RunSettings, together: int, data: DataSet) -> float:
    step = stepper(seeds_of(run, together), data, bench.device)
    for _ in range(3):
        step()
    took = statistics.median(bench.seconds(step) for _ in range(bench.size.repeats))
    return together * min(run.training.batch_size, run.size) / took


def panel(bench: Bench) -> None:
    """A short study and its laws."""
    if bench.late("the panel"):
        return
    study = nl.Study.load("digits-cnn").scaled(bench.size.panel_scale)
    with tempfile.TemporaryDirectory() as out:
        curves = []
        took = bench.seconds(
            lambda: curves.append(study.run(out, device=bench.device, progress=False))
        )
    images = sum(
        run.steps * min(run.training.batch_size, run.size) for run in study.settings.runs()
    )
    title = f"digits-cnn, {len(study.settings.runs())} runs"
    bench.add("panel", title, took, "s", images / took, "images/s")
    print(nl.fit(curves[0]).summary())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", default="gpu.parquet")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--tiny", action="store_true", help="small networks, few repeats")
    arguments = parser.parse_args()
    bench = Bench(arguments.device, arguments.minutes, SMALL if arguments.tiny else FULL)
    card = bench.device
    if torch.device(card).type == "cuda":
        card = torch.cuda.get_device_name(card)
    print(f"{card}, torch {torch.__version__}, {platform.machine()}")
    norms(bench)
    training(bench)
    panel(bench)
    pd.DataFrame(bench.rows).assign(device=card, torch=torch.__version__).to_parquet(arguments.out)
    print(f"written: {arguments.out}")


if __name__ == "__main__":
    main()
