"""Training throughput against the published training path, in one run.

    python benchmarks/training.py [--quick] [--cases cnn-mnist,resnet-mnist,vit-mnist,digits-cnn]
                                  [--cpu-time] [--steps] [--stacks]

The published path is written here from its description: a torchvision data set whose transforms run
image by image in a DataLoader, one seed at a time, PyTorch's default Adam, contiguous tensors, the
whole test set scored at every record, `torch.linalg.svdvals` of every weight matrix. Both sides use
all cores, the same network, batch size, number of steps and of records, and score the training
examples and the test set; `default` scores as many as a study does by default. MNIST is looked for
in $NORMLAWS_DATA. `--cpu-time` counts the processor's time of one thread, which says something on a
machine that does other work too.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision import transforms

from normlaws.problems import DataSet, data_root
from normlaws.studies import presets
from normlaws.studies.local import available_cores, local_workers
from normlaws.training import RunSettings, log_spaced_steps, train, train_stack
from normlaws.training.execution import Execution
from normlaws.training.replica import Replica
from normlaws.training.timing import stepper
from runs import changed, run_of, seeds_of, train_many

SIZE = 500
SEEDS = 8
STACKS = (2, 4, 8, 16)
STACKED = [
    "teacher-student",
    "digits-mlp",
    "digits-cnn",
    "digits-resnet",
    "digits-vit",
    "mnist-cnn",
]

clock: Callable[[], float] = time.perf_counter


@dataclass(frozen=True)
class Case:
    """A preset's network and optimiser, its run shortened to so many steps and records."""

    preset: str
    steps: int
    records: int
    quick_steps: int
    quick_records: int
    seeds: int = 1


CASES = {
    "cnn-mnist": Case("paper-cnn-mnist", 120, 5, 12, 2),
    "resnet-mnist": Case("paper-resnet-mnist", 60, 3, 12, 2),
    "vit-mnist": Case("paper-vit-mnist", 60, 3, 12, 2),
    "digits-cnn": Case("digits-cnn", 400, 8, 150, 4, seeds=SEEDS),
}


class PerImage(Dataset[tuple[Tensor, int]]):
    """A torchvision-style data set: bytes to an image, transforms, one item at a time."""

    def __init__(self, images: Tensor, labels: Tensor, data: DataSet, augment: Any) -> None:
        self.images, self.labels = images.numpy(), labels.tolist()
        mean, std = ([value / 255 for value in values] for values in (data.mean, data.std))
        moves = []
        if augment is not None:
            moves = [transforms.RandomAffine(augment.rotate, (augment.translate,) * 2)]
        normalise = [transforms.ToTensor(), transforms.Normalize(mean, std)]
        self.transform = transforms.Compose([transforms.ToPILImage(), *moves, *normalise])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index].transpose(1, 2, 0)), self.labels[index]


class Published:
    """One run as the published code does it."""

    def __init__(self, settings: RunSettings, data: DataSet) -> None:
        self.settings, self.data = settings, data
        chosen, batch = settings.optimizer, settings.training.batch_size
        train = slice(0, settings.size)
        pool = data.pool_images[train], data.pool_labels[train]
        loaded = PerImage(*pool, data, settings.data.augment)
        self.train = DataLoader(loaded, batch, shuffle=True)
        scored = (
            PerImage(*pool, data, None),
            PerImage(data.test_images, data.test_labels, data, None),
        )
        self.scored = [DataLoader(part, batch) for part in scored]
        self.model = settings.model.build(data.image_shape, data.classes, settings.seed)
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
        self.optimizer = kind[chosen.name](self.model.parameters(), lr=chosen.learning_rate)

    def run(self) -> float:
        """Seconds of the whole run."""
        began = clock()
        records = log_spaced_steps(self.settings.steps, self.settings.training.records)
        self.record()
        batches = self.batches()
        for step in range(1, self.settings.steps + 1):
            self.step(next(batches))
            if step in records:
                self.record()
        return clock() - began

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Epoch after epoch."""
        while True:
            yield from self.train

    def step(self, batch: tuple[Tensor, Tensor]) -> None:
        """One optimiser step."""
        self.optimizer.zero_grad()
        F.cross_entropy(self.model(batch[0]), batch[1]).backward()
        self.optimizer.step()

    def record(self) -> list[float]:
        """Losses and errors of both splits, and all spectral norms."""
        self.model.eval()
        values = []
        with torch.no_grad():
            for loader in self.scored:
                for images, labels in loader:
                    logits = self.model(images)
                    values.append(float(F.cross_entropy(logits, labels, reduction="sum")))
                    values.append(float((logits.argmax(1) != labels).sum()))
            for weight in (p for p in self.model.parameters() if p.ndim > 1):
                values.append(float(torch.linalg.svdvals(weight.flatten(1))[0]))
        self.model.train()
        return values


def settings_of(case: Case, quick: bool, seed: int = 0, **training: Any) -> RunSettings:
    preset = presets()[case.preset]
    length = {"steps": case.quick_steps, "records": case.quick_records} if quick else {
        "steps": case.steps, "records": case.records
    }  # fmt: skip
    shape = preset.training.model_dump() | {"epochs": None, "evaluation_share": 1} | length
    data = preset.data.model_dump() | {"validation": 1, "scored_train": None, "scored_test": None}
    return RunSettings.model_validate(
        {
            "data": data,
            "model": preset.model.model_dump(),
            "optimizer": preset.optimizer.model_dump(),
            "training": shape | training,
            "size": SIZE,
            "seed": seed,
        }
    )


def records_of(settings: RunSettings) -> int:
    return len(log_spaced_steps(settings.steps, settings.training.records))


def gemm_rate(dtype: torch.dtype, side: int = 2048) -> float:
    """FLOP/s of square matrix products, the best of several."""
    left, right = (torch.randn(side, side).to(dtype) for _ in range(2))
    return 2 * side**3 / min(seconds(lambda: left @ right) for _ in range(8))


def flops_a_step(settings: RunSettings, data: DataSet) -> float:
    """FLOPs of the matrix products and convolutions of one forward and backward pass."""
    model = settings.model.build(data.image_shape, data.classes, 0)
    batch = min(settings.training.batch_size, settings.size)
    images = torch.randn(batch, *data.image_shape)
    with FlopCounterMode(display=False) as counter:
        model(images).sum().backward()
    return float(counter.get_total_flops())


def seconds(function: Callable[[], object]) -> float:
    start = clock()
    function()
    return clock() - start


def step_seconds(step: Callable[[], object], number: int) -> float:
    step()
    return statistics.median(seconds(step) for _ in range(number))


def bench_alone(name: str, case: Case, quick: bool, rates: dict[str, float]) -> None:
    """One run of the published path, then the same run here, in float32 and bf16."""
    settings = settings_of(case, quick)
    data = settings.data.load(data_root(None))
    published = Published(settings, data)
    batches = published.batches()
    number = 3 if quick else 6
    published_step = step_seconds(lambda: published.step(next(batches)), number)
    published_record = seconds(published.record)
    total = Published(settings, data).run()
    flops = flops_a_step(settings, data)
    batch = min(settings.training.batch_size, SIZE)
    epochs = settings.steps * batch / SIZE
    print(f"\n{name}: P = {SIZE}, batch {batch}, {settings.steps} steps, "
          f"{records_of(settings)} records")  # fmt: skip
    print(f"  published        {total:7.1f} s  {epochs / total:7.3f} seed-epochs/s; a step "
          f"{1e3 * published_step:6.1f} ms, {batch / published_step:6.0f} images/s; a record "
          f"{published_record:.2f} s")  # fmt: skip
    for precision, rate in rates.items():
        for label, share in (("full", 1), ("default", 0.1)):
            run = settings_of(case, quick, precision=precision, evaluation_share=share)
            ours = seconds(lambda run=run: train(run, data=data))
            print(f"  {precision:8s} {label:7s} {ours:7.1f} s  {epochs / ours:7.3f} seed-epochs/s"
                  f"  {total / ours:5.2f} x")  # fmt: skip
        step = step_seconds(stepper([run], data), number)
        replica = Replica(settings_of(case, quick, precision=precision), None, Execution(), data)
        replica.measured()
        record = seconds(replica.measured)
        print(f"           a step {1e3 * step:6.1f} ms ({published_step / step:.2f} x), "
              f"{batch / step:6.0f} images/s, {flops / rate / step:4.0%} of the GEMM rate (floor "
              f"{1e3 * flops / rate:.1f} ms); a full record {record:.2f} s "
              f"({published_record / record:.2f} x)")  # fmt: skip


def bench_seeds(name: str, case: Case, quick: bool) -> None:
    """Seeds one after another on the published path; alone, stacked and in processes here."""
    runs = [settings_of(case, quick, seed) for seed in range(case.seeds)]
    data = runs[0].data.load(data_root(None))
    epochs = case.seeds * runs[0].steps * runs[0].training.batch_size / SIZE
    published_seeds = 2 if quick else 3
    published = statistics.mean(Published(run, data).run() for run in runs[:published_seeds])
    published *= case.seeds
    print(f"\n{name}: P = {SIZE}, batch {runs[0].training.batch_size}, {runs[0].steps} steps, "
          f"{records_of(runs[0])} records, {case.seeds} seeds")  # fmt: skip
    print(f"  published, one seed at a time   {published:7.1f} s  {epochs / published:8.1f} "
          f"seed-epochs/s (from {published_seeds} seeds)")  # fmt: skip
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    train_many(runs, 2)  # warm
    times = {
        "one thread, one at a time": seconds(lambda: [train(run, data=data) for run in runs]),
        "one thread, stacked": seconds(lambda: train_stack(runs, data=data)),
    }
    torch.set_num_threads(threads)
    if clock is time.perf_counter:
        times |= in_processes(runs, available_cores())
    for label, taken in times.items():
        print(f"  {label:30s}  {taken:7.2f} s  {epochs / taken:8.1f} seed-epochs/s  "
              f"{published / taken:5.1f} x")  # fmt: skip


def in_processes(runs: list[RunSettings], cores: int) -> dict[str, float]:
    """Seconds of all runs in one-thread processes that have begun already."""
    times = {}
    with local_workers(cores, 1) as pool:
        wait([pool.submit(time.sleep, 1.0) for _ in range(cores)])
        wait([pool.submit(train_many, runs[part::cores], 2) for part in range(cores)])  # warm
        for label, stack in (("one at a time", False), ("stacked", True)):
            times[f"{cores} processes, {label}"] = seconds(
                lambda stack=stack: spread(pool, runs, cores, stack)
            )
    return times


def bench_steps(name: str, case: Case, rates: dict[str, float]) -> None:
    """A step and a record of 1,000 test examples; quicker than whole runs, and as telling."""
    settings = settings_of(case, quick=True)
    settings = settings.model_copy(
        update={"data": settings.data.model_copy(update={"scored_test": 1000})}
    )
    data = settings.data.load(data_root(None))
    published = Published(settings, data)
    batches = published.batches()
    step = step_seconds(lambda: published.step(next(batches)), 4)
    record, flops = seconds(published.record), flops_a_step(settings, data)
    print(f"\n{name}: published  a step {1e3 * step:6.1f} ms, a record {record:.2f} s")
    for precision, rate in rates.items():
        run = changed(settings, precision=precision)
        own_step = step_seconds(stepper([run], data), 4)
        replica = Replica(run, None, Execution(), data)
        replica.measured()
        own_record = seconds(replica.measured)
        print(f"  {precision:8s} a step {1e3 * own_step:6.1f} ms ({step / own_step:.2f} x; "
              f"{flops / rate / own_step:.0%} of the GEMM rate, floor {1e3 * flops / rate:.0f} ms)"
              f", a record {own_record:.2f} s ({record / own_record:.2f} x)")  # fmt: skip


def bench_stacks(names: list[str]) -> None:
    """Milliseconds of a step, per run, in stacks of growing size on one thread."""
    torch.set_num_threads(1)
    print("\nms a step and run; times faster than alone")
    for name in names:
        run = run_of(name, SIZE)
        data = run.data.load(data_root(None))
        found = {}
        for number in (1, *STACKS):
            found[number] = step_seconds(stepper(seeds_of(run, number), data), 30) / number
        cells = (f"{n:2d}: {1e3 * t:6.3f} ({found[1] / t:4.2f} x)" for n, t in found.items())
        print(f"  {name:16s} {'  '.join(cells)}")


def spread(pool: Executor, runs: list[RunSettings], cores: int, stack: bool) -> None:
    futures = [pool.submit(train_many, runs[part::cores], None, stack) for part in range(cores)]
    for future in futures:
        future.result()


def main() -> None:
    global clock
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter runs: under three minutes")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--cpu-time", action="store_true", help="of one thread")
    parser.add_argument("--steps", action="store_true", help="steps and records, no whole runs")
    parser.add_argument("--stacks", action="store_true", help="steps of stacks, and nothing else")
    arguments = parser.parse_args()
    if arguments.cpu_time:
        clock = time.process_time
        torch.set_num_threads(1)
    if arguments.stacks:
        bench_stacks(STACKED)
        return
    rates = {"float32": gemm_rate(torch.float32), "bf16": gemm_rate(torch.bfloat16)}
    rated = ", ".join(f"{name} {rate / 1e9:.0f} GFLOP/s" for name, rate in rates.items())
    print(f"{available_cores()} cores, {torch.get_num_threads()} threads; GEMM: {rated}")
    for name in arguments.cases.split(","):
        case = CASES[name]
        if case.seeds > 1:
            bench_seeds(name, case, arguments.quick)
        elif arguments.steps:
            bench_steps(name, case, rates)
        else:
            bench_alone(name, case, arguments.quick, rates)


if __name__ == "__main__":
    main()
