"""How a study is spread over one machine: processes, threads, and runs that train together."""

from __future__ import annotations

import heapq
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from normlaws.errors import InputError, NormlawsWarning
from normlaws.training import RunSettings, stack_key

Group = tuple[RunSettings, ...]

WORTH_IT = 0.95  # a stack must take less than this share of the time of its runs alone


@dataclass(frozen=True)
class Speed:
    """Seconds per optimiser step and run, measured on one model.

    Attributes:
        alone: of a process of one thread while every core has such a process.
        shared: of a single process with a thread on every core.
        stacked: number of runs in a stack -> the same as ``alone``, for each of them.
    """

    alone: float
    shared: float
    stacked: dict[int, float] = field(default_factory=dict)

    @property
    def best_stack(self) -> int:
        """Runs that should train together; 1 where stacking is no faster."""
        faster = {
            runs: seconds
            for runs, seconds in self.stacked.items()
            if seconds < WORTH_IT * self.alone
        }
        return min(faster, key=lambda runs: faster[runs], default=1)

    def of_group(self, group: Group) -> float:
        """Seconds of all steps of a group in a process of one thread."""
        measured = [runs for runs in self.stacked if 1 < runs <= len(group)]
        each = self.stacked[max(measured)] if measured and len(group) > 1 else self.alone
        return each * sum(run.steps for run in group)


@dataclass(frozen=True)
class Layout:
    """Who does what.

    Attributes:
        processes: worker processes.
        threads: of arithmetic in each of them; processes x threads is at most the cores.
        groups: runs that are trained in one program each, in the order in which to begin.
    """

    processes: int
    threads: int
    groups: tuple[Group, ...]


def plan_layout(
    pending: Sequence[RunSettings],
    workers: int | None,
    cores: int,
    speed: Callable[[], Speed | None],
    stack: bool = True,
) -> Layout:
    """The layout that finishes first, by the measured speed.

    Either every core has a process of one thread, with stacks of runs where these are faster; or
    one process has all cores, and does one run after another.

    Args:
        pending: runs to do.
        workers: number of processes wanted, of one thread each; chosen automatically by default.
        cores: that may be used.
        speed: measures; asked at most once. ``None``: not worth measuring, or impossible.
        stack: whether runs may train together.

    Raises:
        InputError: ``workers`` is less than 1.

    Warns:
        NormlawsWarning: more workers than cores were asked for; there are as many as cores then.
    """
    wanted = _admitted(workers, cores)
    measured = speed() if len(pending) > 1 or workers is None else None
    if measured is None:
        singles = tuple((run,) for run in pending)
        return Layout(min(wanted, len(pending)), 1, singles)
    groups = _groups(pending, measured.best_stack if stack else 1, wanted)
    costs = [measured.of_group(group) for group in groups]
    order = sorted(range(len(groups)), key=lambda index: -costs[index])
    groups, costs = [groups[index] for index in order], [costs[index] for index in order]
    together = measured.shared * sum(run.steps for run in pending)
    if workers is None and together < makespan(costs, wanted):
        singles = tuple((run,) for run in sorted(pending, key=lambda run: -run.steps))
        return Layout(1, cores, singles)
    return Layout(min(wanted, len(groups)), 1, tuple(groups))


def makespan(costs: Sequence[float], processes: int) -> float:
    """Time until all is done, where whoever is idle takes the next of ``costs``."""
    ends = [0.0] * processes
    for cost in costs:
        heapq.heapreplace(ends, ends[0] + cost)
    return max(ends)


def _admitted(workers: int | None, cores: int) -> int:
    if workers is None:
        return cores
    if workers < 1:
        raise InputError(
            f"expected at least 1 worker, got {workers}; leave it out for one per core"
        )
    if workers > cores:
        warnings.warn(
            f"expected at most {cores} workers, one for each core that may be used, got {workers}; "
            f"{cores} are started, as more would slow one another down",
            NormlawsWarning,
            stacklevel=4,
        )
    return min(workers, cores)


def _groups(pending: Sequence[RunSettings], most: int, processes: int) -> list[Group]:
    """Groups of at most ``most`` runs of one key, as many as keep all processes busy."""
    alike: dict[str, list[RunSettings]] = {}
    for run in pending:
        key = stack_key(run) if most > 1 else None
        alike.setdefault(key or run.run_id, []).append(run)
    return [group for runs in alike.values() for group in _cut(runs, most, processes)]


def _cut(runs: list[RunSettings], most: int, processes: int) -> list[Group]:
    """Sizes dealt out, since large ones take longer to score; group sizes differ by one at most."""
    runs = sorted(runs, key=lambda run: (run.size, run.seed))
    rounds = math.ceil(len(runs) / (most * processes))
    count = min(len(runs), rounds * processes)
    return [tuple(runs[start::count]) for start in range(count)]
