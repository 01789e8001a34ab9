"""Whether what a study chooses by itself is the fastest: layouts, and the share of its records.

    python benchmarks/choices.py [--presets digits-cnn,…] [--shares]

Layouts: runs of each preset are trained in every layout of this machine (one process with all
cores; a process of one thread per core, runs alone or in the measured stacks), and the chosen one
is marked. The worker processes have started before. `--shares`: seconds of a record over those of
the run, at default settings, for the smallest run of each panel on MNIST. Data: $NORMLAWS_DATA.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from unittest import mock

import torch

from normlaws.problems import data_root
from normlaws.studies import presets
from normlaws.studies.layout import Group, Layout, Speed, plan_layout
from normlaws.studies.local import available_cores, local_workers
from normlaws.studies.speed import measured_speed, seconds_a_step
from normlaws.training import RunSettings, log_spaced_steps
from normlaws.training.execution import Execution
from normlaws.training.replica import Replica
from normlaws.training.timing import stepper
from runs import changed, run_of, seeds_of, train_many

SIZE = 500
PANELS = ("paper-cnn-mnist", "paper-resnet-mnist", "paper-vit-mnist")


@dataclass(frozen=True)
class Case:
    """So many runs of a preset, of so many steps and records."""

    runs: int
    steps: int
    records: int


CASES = {
    "digits-mlp": Case(16, 2000, 20),
    "digits-cnn": Case(16, 400, 20),
    "digits-resnet": Case(16, 100, 10),
    "paper-cnn-mnist": Case(4, 30, 2),
    "paper-resnet-mnist": Case(4, 30, 2),
    "paper-vit-mnist": Case(4, 40, 2),
}


def runs_of(name: str, case: Case) -> list[RunSettings]:
    run = changed(run_of(name, SIZE), epochs=None, steps=case.steps, records=case.records)
    return seeds_of(run, case.runs)


def train_group(group: Group, steps: int | None = None) -> None:
    """Train the runs of a group together, or only a few of their steps."""
    train_many(group, steps, stack=len(group) > 1)


def seconds_of(layout: Layout) -> float:
    """Of all groups, once the processes have started and loaded their data."""
    with local_workers(layout.processes, layout.threads) as pool:
        warm = [pool.submit(train_group, layout.groups[0], 2) for _ in range(layout.processes)]
        wait(warm)
        began = time.perf_counter()
        finish(pool, layout.groups)
        return time.perf_counter() - began


def finish(pool: Executor, groups: Sequence[Group]) -> None:
    for future in [pool.submit(train_group, group) for group in groups]:
        future.result()


def layouts_of(runs: list[RunSettings], speed: Speed, cores: int) -> dict[str, Layout]:
    """Every layout that the plan chooses among."""
    alone = tuple((run,) for run in runs)
    found = {
        f"1 process, {cores} threads": Layout(1, cores, alone),
        f"{cores} processes, runs alone": Layout(cores, 1, alone),
    }
    stacked = plan_layout(runs, cores, cores, lambda: speed)
    if len(stacked.groups) < len(runs):
        found[f"{cores} processes, stacks of {len(stacked.groups[0])}"] = stacked
    return found


def bench_layouts(name: str, cores: int) -> None:
    runs = runs_of(name, CASES[name])
    data = runs[0].data.load(data_root(None))
    with (
        tempfile.TemporaryDirectory() as cache,
        mock.patch.dict("os.environ", XDG_CACHE_HOME=cache),
    ):
        began = time.perf_counter()
        speed = measured_speed(runs, data, cores)
        measuring = time.perf_counter() - began
    chosen = plan_layout(runs, None, cores, lambda: speed)
    print(f"\n{name}: {len(runs)} runs of {runs[0].steps} steps; choosing took {measuring:.1f} s")
    layouts = layouts_of(runs, speed or Speed(1.0, 1.0), cores)
    times = {label: seconds_of(layout) for label, layout in layouts.items()}
    for label, layout in layouts.items():
        same = (layout.processes, layout.threads, len(layout.groups)) == (
            chosen.processes, chosen.threads, len(chosen.groups),
        )  # fmt: skip
        ratio = times[label] / min(times.values())
        print(f"  {label:28s} {times[label]:7.2f} s  {ratio:5.2f} x the fastest"
              f"{'  <- chosen' if same else ''}")  # fmt: skip


def bench_share(name: str) -> None:
    run = min(presets()[name].runs(), key=lambda run: run.size)
    data = run.data.load(data_root(None))
    replica = Replica(run, None, Execution(), data)
    step, record = seconds_a_step(stepper([run], data)), seconds_a_step(replica.measured)
    records = len(log_spaced_steps(run.steps, run.training.records))
    share = records * record / (records * record + run.steps * step)
    print(f"{name}: P = {run.size}, {run.steps} steps of {1e3 * step:.0f} ms, {records} records of "
          f"{1e3 * record:.0f} ms: {share:.1%} of the run")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", default=",".join(CASES))
    parser.add_argument("--shares", action="store_true", help="of records, and nothing else")
    arguments = parser.parse_args()
    cores = available_cores()
    print(f"{cores} cores, {torch.get_num_threads()} threads")
    if arguments.shares:
        for name in PANELS:
            bench_share(name)
        return
    for name in arguments.presets.split(","):
        bench_layouts(name, cores)


if __name__ == "__main__":
    main()
