"""What an experiment sees of an exact law: seeds, a finite shared test set, drift, unequal ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import Curves

LogError = Callable[[Floats, float], Floats]
HIGHEST = 0.995  # error that a recorded curve never exceeds


@dataclass(frozen=True)
class Observed:
    """How the curves of a study are recorded.

    Attributes:
        sizes: training-set sizes.
        start: log norm at which all runs start.
        ends: log norm at which the runs of each size end.
        seeds: runs per size.
        records: records per run.
        spacing: records lie at shares t^spacing of the way, t even; 1 is even in log norm.
        run_scatter: standard deviation over runs of ln error along a whole run.
        norm_scatter: standard deviation over runs of the log norm at a given state.
        drift: standard deviation of an error in ln error that wanders along a run.
        memory: records over which that error is forgotten.
        unequal: standard deviation of where runs end, in log norm.
        test_examples: size of the test set; 0 records exact errors.
        shared: share of the counting noise that all runs have in common.
    """

    sizes: tuple[int, ...]
    start: float
    ends: tuple[float, ...]
    seeds: int = 5
    records: int = 40
    spacing: float = 1.0
    run_scatter: float = 0.02
    norm_scatter: float = 0.03
    drift: float = 0.02
    memory: float = 4.0
    unequal: float = 0.1
    test_examples: int = 10_000
    shared: float = 0.7


def observe(law: LogError, how: Observed, random: np.random.Generator) -> Curves:
    """Record a study whose exact curves are ``law(log_norm, size)``, in ln error.

    A test example counts as wrong where its difficulty lies below the error: the difficulties,
    uniform, are drawn once for all runs, and the rest of the counting noise anew for each.
    """
    difficulty = np.sort(random.random(how.test_examples)) if how.test_examples else None
    frames = []
    for size, end in zip(how.sizes, how.ends, strict=True):
        for seed in range(max(how.seeds, 1)):
            way = np.linspace(0, 1, how.records) ** how.spacing
            last = max(end + how.unequal * random.normal(), how.start + 0.2 * (end - how.start))
            state = how.start + (last - how.start) * way
            moved = how.norm_scatter * random.normal() * np.minimum(3 * way, 1.0)
            y = law(state, float(size)) + how.run_scatter * random.normal() * way
            y = y + how.drift * wander(how.records, how.memory, random)
            error = np.minimum(np.exp(y), HIGHEST)
            if difficulty is not None:
                error = _counted(error, difficulty, how, random)
            frames.append(
                pd.DataFrame(
                    {
                        "run": f"{size}-{seed}",
                        "size": size,
                        "seed": seed,
                        "step": np.arange(how.records),
                        "test_error": error,
                        "log_spectral_complexity": state + moved,
                    }
                )
            )
    return Curves(pd.concat(frames, ignore_index=True))


def wander(n: int, memory: float, random: np.random.Generator) -> Floats:
    """A stationary error of variance 1 that is forgotten over ``memory`` records. (n,)."""
    from scipy import signal

    keep = float(np.exp(-1 / memory)) if memory > 0 else 0.0
    values = random.normal(size=n)
    fresh = np.sqrt(1 - keep**2)
    rest, _ = signal.lfilter([fresh], [1.0, -keep], values[1:], zi=[keep * values[0]])
    return np.concatenate([values[:1], rest])


def _counted(
    error: Floats, difficulty: Floats, how: Observed, random: np.random.Generator
) -> Floats:
    """Errors as fractions k / n of the test set. (n,) -> (n,)."""
    n = len(difficulty)
    common = np.searchsorted(difficulty, error) / n - error
    spread = np.sqrt(error * (1 - error) / n)
    own = spread * wander(len(error), how.memory, random)
    seen = error + np.sqrt(how.shared) * common + np.sqrt(1 - how.shared) * own
    return np.asarray(np.clip(np.round(seen * n), 0, n) / n)
