"""Seconds per optimiser step on this machine: measured on a few real steps, and kept."""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from normlaws.errors import CorruptFileError
from normlaws.extras import needed
from normlaws.problems import DataSet
from normlaws.storage import provenance
from normlaws.storage.folder import write_json
from normlaws.storage.reading import json_object
from normlaws.studies.layout import Speed
from normlaws.studies.local import arithmetic_threads
from normlaws.training import RunSettings, stack_key
from normlaws.training.timing import stepper

with needed("a study that trains networks", "torch"):
    import torch

SECONDS = 0.2  # of each measurement, after a warm-up step
LEAST_STEPS = 3
WORTH_MEASURING = 3.0  # seconds that the runs would take alone, one after another
SHORT_STEP = 0.03  # seconds; a longer step keeps its core busy, and stacks only cost memory
STACKS = (2, 4, 8, 16)
GIVE_UP = 1.1  # a stack slower than the best by this factor is the last one tried


def measured_speed(pending: Sequence[RunSettings], data: DataSet, cores: int) -> Speed | None:
    """The speed of the runs' model, from the cache where it has been measured before.

    Returns:
        ``None`` where the runs take so little time that measuring would not pay.
    """
    run = max(pending, key=lambda run: (min(run.training.batch_size, run.size), -run.size))
    path = _cache_folder() / f"{_key(run, data, cores)}.json"
    if (kept := _kept(path)) is not None:
        return kept
    with arithmetic_threads(1), torch.random.fork_rng(devices=[]):
        alone = seconds_a_step(stepper([run], data))
        if alone * sum(each.steps for each in pending) < WORTH_MEASURING:
            return None
        found = _measure(run, data, cores, alone)
    _keep(path, found)
    return found


def seconds_a_step(step: Callable[[], None]) -> float:
    """Median time of a step."""
    step()
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < LEAST_STEPS or time.perf_counter() - began < SECONDS:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _measure(run: RunSettings, data: DataSet, cores: int, alone: float) -> Speed:
    if alone < SHORT_STEP:
        return Speed(alone, alone, _stacked(run, data, alone))
    with arithmetic_threads(cores):
        shared = seconds_a_step(stepper([run], data))
    return Speed(_at_once(run, data, cores), shared)


def _stacked(run: RunSettings, data: DataSet, alone: float) -> dict[int, float]:
    """Seconds a step and run in stacks of growing size, until they get slower."""
    found: dict[int, float] = {}
    if stack_key(run) is None:
        return found
    for number in STACKS:
        runs = [run.model_copy(update={"seed": seed}) for seed in range(number)]
        found[number] = seconds_a_step(stepper(runs, data)) / number
        if found[number] > GIVE_UP * min(alone, *found.values()):
            break
    return found


def _at_once(run: RunSettings, data: DataSet, cores: int) -> float:
    """Seconds a step of one thread on every core: they share caches and memory.

    Long steps hardly hold the interpreter's lock, so that threads of this process do for processes.
    """
    steps = [stepper([run], data) for _ in range(cores)]
    with ThreadPoolExecutor(cores) as pool:
        return max(pool.map(seconds_a_step, steps))


def _key(run: RunSettings, data: DataSet, cores: int) -> str:
    what = {
        "model": run.model.model_dump(mode="json", exclude={"init_scale"}),
        "optimizer": run.optimizer.name,
        "arithmetic": [run.training.precision, run.training.compile],
        "batch": [min(run.training.batch_size, run.size), *data.image_shape, data.classes],
        "augment": run.data.augment is not None,
        "machine": [provenance.processor(), cores],
        "versions": [provenance.versions()[name] for name in ("normlaws", "torch")],
    }
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def _cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "normlaws" / "speed"


def _kept(path: Path) -> Speed | None:
    try:
        values = json_object(path)
        stacked = {int(runs): float(value) for runs, value in values["stacked"].items()}
        return Speed(float(values["alone"]), float(values["shared"]), stacked)
    except (OSError, CorruptFileError, KeyError, ValueError, TypeError, AttributeError):
        return None


def _keep(path: Path, speed: Speed) -> None:
    try:
        write_json(path, vars(speed))
    except OSError:  # a read-only home costs another measurement, nothing else
        return
