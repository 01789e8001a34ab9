"""The irreducible loss L0 of a ladder: L0 + a c^(−b) through its final losses.

c is the horizon along the axis; where all sizes have one horizon, such as a number of steps, it is
the size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Floats
from normlaws.errors import InputError
from normlaws.laws.collapse.ladder import FEWEST_PLACES, Ladder, different
from normlaws.laws.estimators.profile import FloorFit, power_law_with_floor

FEWEST = FEWEST_PLACES
DISTINCT = 4  # different groups in a resample of the groups


@dataclass(frozen=True)
class SizeLaw:
    """Final losses of the groups and the law through them; row 0 is the data, then resamples.

    Attributes:
        floor: (B,) L0.
        fit: the law of the final losses against ``Ladder.places``; None where L0 was given.
        finals: (B, K) mean final losses.
    """

    floor: Floats
    fit: FloorFit | None
    finals: Floats

    @property
    def status(self) -> str:
        """How the fit on the data ended; ``given`` where there was none."""
        return "given" if self.fit is None else str(self.fit.status[0])


def size_law(
    ladder: Ladder, weights: Floats, floor: float | str, generator: np.random.Generator
) -> SizeLaw:
    """Fit L0, or take the one that is given.

    Args:
        ladder: the runs.
        weights: (B, R) how often each run counts.
        floor: ``"fit"`` or a number.
        generator: draws the groups that the resampled floors rest on: L0 depends on which sizes
            were trained more than on their seeds.

    Raises:
        InputError: too few groups to fit a floor, or a floor that is no number.
    """
    finals = group_means(ladder, weights, ladder.values[None, :, -1:])[:, :, 0]
    if isinstance(floor, str):
        if floor != "fit":
            raise InputError(f"expected a floor 'fit' or a number, got {floor!r}")
        return _fitted(ladder, finals, generator)
    given = np.full(len(weights), float(floor))
    _check_below(ladder, float(floor))
    return SizeLaw(given, None, finals)


def group_means(ladder: Ladder, weights: Floats, values: Floats) -> Floats:
    """Weighted means over the runs of every group. ``values``: (B or 1, R, G). (B, K, G)."""
    sums = np.add.reduceat(weights[:, :, None] * values, ladder.starts, axis=1)
    counts = np.add.reduceat(weights, ladder.starts, axis=1)
    return np.asarray(sums / counts[:, :, None])


def _fitted(ladder: Ladder, finals: Floats, generator: np.random.Generator) -> SizeLaw:
    places = different(ladder.places)
    if places < FEWEST:
        raise InputError(
            f"expected {FEWEST} or more sizes to fit the irreducible loss to, got {places}; "
            "give it with floor=…"
        )
    if (finals <= 0).any():
        raise InputError(
            f"expected final values of {ladder.metric} above 0 to fit a floor, "
            f"got {finals.min():g}; give it with floor=…"
        )
    counts = np.ones_like(finals)
    if places > DISTINCT:
        counts[1:] = _draw_groups(len(finals) - 1, finals.shape[1], generator)
    fit = power_law_with_floor(ladder.places, finals, counts, objective="log")
    return SizeLaw(fit.floor, fit, finals)


def _draw_groups(resamples: int, groups: int, generator: np.random.Generator) -> Floats:
    """Groups drawn with replacement, each resample with four or more different ones."""
    drawn = generator.multinomial(groups, np.full(groups, 1 / groups), resamples)
    while (few := (drawn > 0).sum(axis=1) < DISTINCT).any():
        drawn[few] = generator.multinomial(groups, np.full(groups, 1 / groups), int(few.sum()))
    return drawn.astype(float)


def _check_below(ladder: Ladder, floor: float) -> None:
    lowest = int(np.argmin(ladder.values.min(axis=1)))
    if not floor < ladder.values[lowest].min():
        raise InputError(
            f"expected a floor below every {ladder.metric}, got {floor:g}, but run "
            f"{ladder.finished[lowest].name} goes down to {ladder.values[lowest].min():g}: "
            "its reducible part would be negative"
        )
