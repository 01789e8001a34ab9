"""When to record: log-spaced steps, or steps that the user chose."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable

from normlaws.errors import InputError


class Schedule:
    """The recorded steps of one training.

    A loop that asks at some steps only (once an epoch, say) records at the first one that it asks
    about after a step was due.

    Args:
        steps: optimiser steps to record, in any order; log-spaced by default.
        growth: ratio of successive log-spaced steps: 0, 1, 2, … and then by ``growth``.

    Raises:
        InputError: a step is negative or no whole number, or ``growth`` is not above 1.
    """

    def __init__(self, steps: Iterable[int] | None = None, growth: float = 1.25) -> None:
        if not growth > 1:
            raise InputError(f"expected a growth of recorded steps above 1, got {growth}")
        chosen = None if steps is None else sorted({0, *steps})
        for step in chosen or ():
            if step != int(step) or step < 0:
                raise InputError(f"expected recorded steps as whole numbers from 0, got {step!r}")
        self._steps = chosen
        self._growth = growth
        self._next: float = 0

    def due(self, step: int) -> bool:
        """Whether a record is due at ``step``."""
        return step >= self._next

    def passed(self, step: int) -> None:
        """Note that ``step`` has been recorded."""
        if self._steps is None:
            self._next = max(step + 1, math.ceil(step * self._growth))
            return
        after = bisect.bisect_right(self._steps, step)
        self._next = self._steps[after] if after < len(self._steps) else math.inf
