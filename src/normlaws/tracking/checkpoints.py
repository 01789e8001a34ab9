"""Finished trainings, followed through the checkpoints that they left."""

from __future__ import annotations

import glob
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from normlaws.curves import Curves
from normlaws.curves.names import metric_of
from normlaws.errors import CorruptFileError, DataNotFoundError, InputError
from normlaws.norms.weight_files import CheckpointMeter, read_state
from normlaws.storage.reading import json_object

_STEP = re.compile(r"(?:global[-_]?step|step|iteration|iter|checkpoint|ckpt|it)[-_=]?(\d+)", re.I)
_NUMBER = re.compile(r"(\d+)(?!.*\d)")
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".tar", ".json")
Metrics = Mapping[int, Mapping[str, float]]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Checkpoint:
    """One state of one training.

    Attributes:
        run: name of the training: the folder that its checkpoints share.
        step: optimiser steps done.
        path: file or folder of the weights.
    """

    run: str
    step: int
    path: Path


def follow(
    places: Iterable[str | Path],
    out: str | Path,
    *,
    size: int | None = None,
    seed: int = 0,
    run_pattern: str | None = None,
    metrics: Metrics | None = None,
    key: str | None = None,
    progress: Progress | None = None,
) -> Curves:
    """Measure a series of checkpoints, and join what the training logged.

    Each place is a checkpoint, a folder of checkpoints (``checkpoint-500``, ``step-1000`` …), a
    glob, or the local cache of a repository of the Hugging Face hub, whose revisions count. Steps
    come from the names, or from ``trainer_state.json``. Checkpoints in one folder are one training.

    What is in ``out`` already is not measured again, and every checkpoint is on disk before the
    next is read: a call that was interrupted goes on where it stopped.

    Args:
        places: where the checkpoints are.
        out: Parquet file or folder that the curves are written to.
        size: number of training examples, of all trainings; or see ``run_pattern``.
        seed: of all trainings; or see ``run_pattern``.
        run_pattern: regular expression with the groups ``size`` and ``seed`` (one or both), found
            in the path of each training's folder.
        metrics: step -> {metric: value}, joined at the same steps; what ``trainer_state.json``
            holds is joined by default.
        key: where in each file the network is; found automatically where it is unambiguous.
        progress: called with the checkpoints done, their number, and the name of the next.

    Raises:
        DataNotFoundError: there is no checkpoint.
        InputError: a training has no size, a checkpoint no step, or the architecture changes.
        CorruptFileError: a checkpoint is damaged.
    """
    found = checkpoints(places)
    out = Path(out)
    rows = _measured_before(out)
    done = {(row["run"], row["step"]) for row in rows}
    identities = {one.run: _identity(one.run, size, seed, run_pattern) for one in found}
    curves = None
    meters: dict[str, CheckpointMeter] = {}
    for index, one in enumerate(found):
        if progress is not None:
            progress(index, len(found), str(one.path))
        if (one.run, one.step) in done:
            continue
        meter = meters.setdefault(one.run, CheckpointMeter())
        norms = meter.measure(read_state(one.path, key))
        logged = metrics if metrics is not None else _logged(found, one.run)
        run_size, run_seed = identities[one.run]
        rows.append(
            {"run": one.run, "size": run_size, "seed": run_seed, "step": one.step}
            | dict(logged.get(one.step, {}))
            | norms
        )
        curves = _written(rows, out)
    return curves if curves is not None else _written(rows, out)


def checkpoints(places: Iterable[str | Path]) -> list[Checkpoint]:
    """Every checkpoint at ``places``, by training and step.

    Raises:
        DataNotFoundError: there is none.
        InputError: two of one training have the same step, or one has no step.
    """
    found = {one.path.resolve(): one for place in places for one in _at(place)}
    if not found:
        raise DataNotFoundError(f"expected checkpoints at {_shown(places)}, but found none")
    ordered = sorted(found.values(), key=lambda one: (one.run, one.step, str(one.path)))
    for first, second in itertools.pairwise(ordered):
        if (first.run, first.step) == (second.run, second.step):
            raise InputError(
                f"expected one checkpoint a step, got {first.path} and {second.path} of step "
                f"{first.step}"
            )
    return ordered


def trainer_metrics(path: Path) -> dict[int, dict[str, float]]:
    """Step -> metrics of held-out splits, of the ``log_history`` in a ``trainer_state.json``."""
    try:
        return _metrics(json_object(path)["log_history"])
    except Exception:  # one that is damaged, or of another program, is passed over
        return {}


def _metrics(history: Any) -> dict[int, dict[str, float]]:
    rows = [(int(row["step"]), row) for row in history]
    found: dict[int, dict[str, float]] = {}
    for step, row in rows:
        for name, value in row.items():
            metric = metric_of(name)
            if metric is None or not isinstance(value, int | float):
                continue
            if metric.endswith("accuracy"):
                metric, value = metric.replace("accuracy", "error"), 1 - value
            found.setdefault(step, {})[metric] = float(value)
        if step in found and isinstance(row.get("epoch"), int | float):
            found[step]["epoch"] = float(row["epoch"])
    return found


def _at(place: str | Path) -> Iterator[Checkpoint]:
    path = Path(place)
    if not path.exists():
        matches = sorted(glob.glob(str(place)))
        if not matches:
            raise DataNotFoundError(f"expected checkpoints at {place}, but there is nothing")
        for match in matches:
            yield from _at(match)
        return
    if (path / "refs").is_dir() and (path / "snapshots").is_dir():
        yield from _revisions(path)
        return
    if path.is_dir():
        inside = [child for child in sorted(path.iterdir()) if _is_step(child)]
        if inside:
            for child in inside:
                yield Checkpoint(str(path), _step(child), child)
            return
        deeper = [child for child in sorted(path.iterdir()) if child.is_dir()]
        if deeper and not _holds_weights(path):
            for child in deeper:
                yield from _at(child)
            return
        if not _holds_weights(path):
            return
    yield Checkpoint(str(path.parent), _step(path), path)


def _revisions(cache: Path) -> Iterator[Checkpoint]:
    for ref in sorted((cache / "refs").rglob("*")):
        number = _NUMBER.search(ref.name)
        if ref.is_file() and number:
            snapshot = cache / "snapshots" / ref.read_text(encoding="utf-8").strip()
            if snapshot.is_dir():
                yield Checkpoint(str(cache), _step(ref), snapshot)


def _is_step(child: Path) -> bool:
    if child.is_dir():
        return _NUMBER.search(child.name) is not None and _holds_weights(child)
    return child.suffix in _WEIGHTS[:-1] and _STEP.search(child.name) is not None


def _holds_weights(folder: Path) -> bool:
    return any(child.suffix in _WEIGHTS[:-1] for child in folder.iterdir() if child.is_file())


def _step(path: Path) -> int:
    """From the name, else from the ``trainer_state.json`` in the folder."""
    matches = _STEP.findall(path.name)
    if matches:
        return int(matches[-1])
    state = path / "trainer_state.json"
    if state.is_file():
        try:
            return int(json_object(state)["global_step"])
        except (CorruptFileError, ValueError, KeyError, TypeError, OverflowError):
            pass
    number = _NUMBER.search(path.name)
    if number is None:
        raise InputError(
            f"expected a step in the name of {path}, such as step-1000 or checkpoint-500"
        )
    return int(number[1])


def _identity(run: str, size: int | None, seed: int, pattern: str | None) -> tuple[int, int]:
    if pattern is not None:
        try:
            found = re.search(pattern, run)
        except re.error as error:
            raise InputError(f"expected a regular expression, got {pattern!r}: {error}") from None
        if found is None:
            raise InputError(f"expected the run pattern to match {run}, but it does not")
        named = found.groupdict()
        size = int(named["size"]) if named.get("size") else size
        seed = int(named["seed"]) if named.get("seed") else seed
    if size is None:
        raise InputError(
            f"expected a size for {run}: give --size, or --run-pattern with the group size, such "
            "as 'P(?P<size>[0-9]+)'"
        )
    return size, seed


def _logged(found: list[Checkpoint], run: str) -> Metrics:
    """What the last checkpoint of a training that holds a ``trainer_state.json`` says."""
    for one in reversed([one for one in found if one.run == run]):
        for folder in (one.path, Path(one.run)):
            state = folder / "trainer_state.json"
            if state.is_file():
                return trainer_metrics(state)
    return {}


def _measured_before(out: Path) -> list[dict[str, Any]]:
    if not out.exists():
        return []
    rows: list[dict[str, Any]] = Curves.read(out).frame.to_dict("records")
    return rows


def _written(rows: list[dict[str, Any]], out: Path) -> Curves:
    frame = pd.DataFrame(rows).sort_values(["run", "step"], kind="stable")
    for name in frame.columns:
        if name not in ("run", "size", "seed", "step"):
            frame[name] = pd.to_numeric(frame[name], errors="coerce").astype(float)
    curves = Curves(frame.reset_index(drop=True), None)
    curves.write(out)
    return curves


def _shown(places: Iterable[str | Path]) -> str:
    return ", ".join(str(place) for place in list(places)[:3])
