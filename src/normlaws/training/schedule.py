"""What follows from the step alone: records, examples, random numbers, the learning rate."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def log_spaced_steps(steps: int, records: int) -> list[int]:
    """Step 0, then about ``records`` steps from 1 to ``steps``, evenly spaced in their logarithm.

    Early steps that round to the same number count once, so that short runs have fewer records.
    """
    spaced = np.geomspace(1, steps, records).round().astype(int)
    return [0, *np.unique([*spaced, steps]).tolist()]


def rate_factor(step: int, steps: int, schedule: str, warmup_steps: int = 0) -> float:
    """Learning rate of optimiser step ``step`` (from 0), as a fraction of the highest.

    It grows linearly over the first ``warmup_steps`` steps, then stays (``"constant"``) or falls
    along half a cosine towards 0 at the end of training (``"cosine"``; Loshchilov & Hutter 2017).
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    if schedule == "constant":
        return 1.0
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return (1 + math.cos(math.pi * done)) / 2


def step_seed(seed: int, step: int) -> int:
    """Seed of whatever is random within one step, so that a resumed run repeats it."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])


class BatchOrder:
    """The order in which a run sees its examples: epochs of seeded permutations, one after another.

    Batch ``step`` follows from (size, batch size, seed) alone, so a resumed run sees what an
    undisturbed one would. A batch may span two epochs; none is smaller than the others.
    """

    def __init__(self, size: int, batch_size: int, seed: int) -> None:
        self.size = size
        self.batch_size = min(batch_size, size)
        self.seed = seed
        self._epochs: dict[int, Tensor] = {}

    def __call__(self, step: int, steps: int = 1) -> Tensor:
        """Indices (steps * batch_size,) int64 of the examples of so many steps from ``step`` on."""
        epoch, start = divmod(step * self.batch_size, self.size)
        missing, parts = steps * self.batch_size, list[Tensor]()
        while missing:
            parts.append(self._epoch(epoch)[start : start + missing])
            missing -= len(parts[-1])
            epoch, start = epoch + 1, 0
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def epochs(self, step: int) -> float:
        """How often, on average, each example has been seen after ``step`` steps."""
        return step * self.batch_size / self.size

    def _epoch(self, epoch: int) -> Tensor:
        if epoch not in self._epochs:
            seed = np.random.SeedSequence([self.seed, epoch]).generate_state(1, np.uint64)[0]
            generator = torch.Generator().manual_seed(int(seed) >> 1)
            self._epochs.pop(epoch - 2, None)
            self._epochs[epoch] = torch.randperm(self.size, generator=generator)
        return self._epochs[epoch]
